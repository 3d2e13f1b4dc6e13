//! TRB amounts as text. All arithmetic is in planck; TRB only appear at the edges.

use tributary_primitives::{Balance, TRB};

const DECIMALS: usize = 12;

/// `12.5 TRB`: exact, without trailing zeros.
pub fn format_trb(planck: Balance) -> String {
	let (whole, rest) = (planck / TRB, planck % TRB);
	if rest == 0 {
		return format!("{whole} TRB");
	}
	let digits = format!("{rest:012}");
	format!("{whole}.{} TRB", digits.trim_end_matches('0'))
}

/// Reads `12.5`, `12.5TRB`, `12.5 TRB` or `1000planck`. `None` when it is no amount, has more than 12
/// decimals or does not fit.
pub fn parse_trb(text: &str) -> Option<Balance> {
	let text = text.trim();
	if let Some(planck) = text.strip_suffix("planck") {
		return digits(planck.trim())?.parse().ok();
	}
	let number = text.strip_suffix("TRB").unwrap_or(text).trim();
	let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
	let whole: Balance = digits(whole)?.parse().ok()?;
	if decimals.len() > DECIMALS || (number.contains('.') && digits(decimals).is_none()) {
		return None;
	}
	let rest: Balance = if decimals.is_empty() { 0 } else { format!("{decimals:0<12}").parse().ok()? };
	whole.checked_mul(TRB)?.checked_add(rest)
}

fn digits(text: &str) -> Option<&str> {
	(!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	proptest! {
		#[test]
		fn amount_survives_when_formatted_and_parsed(planck in 0..u128::MAX / 2) {
			prop_assert_eq!(parse_trb(&format_trb(planck)), Some(planck));
		}
	}

	#[test]
	fn amount_is_read_when_written_by_people() {
		assert_eq!(parse_trb("1.5"), Some(1_500_000_000_000));
		assert_eq!(parse_trb(" 2 TRB "), Some(2 * TRB));
		assert_eq!(parse_trb("7 planck"), Some(7));
	}

	#[test]
	fn amount_is_refused_when_it_is_not_exact() {
		for text in [
			"",
			".",
			"1.",
			"-1",
			"1e3",
			"1.0000000000001",
			"+1",
			"1 planck TRB",
			"999999999999999999999999999999",
		] {
			assert_eq!(parse_trb(text), None, "{text}");
		}
	}
}
