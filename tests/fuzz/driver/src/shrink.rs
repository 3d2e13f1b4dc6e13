//! Making a failing input smaller.

/// Runs that shrinking may take.
const TRIES: usize = 3_000;

/// The smallest input found for which `fails` still holds: pieces are cut out, from halves down to single bytes,
/// then bytes become zero.
pub fn shrink(input: &[u8], mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
	let (mut best, mut tries) = (input.to_vec(), 0);
	let mut piece = best.len().div_ceil(2);
	while piece > 0 {
		let mut at = 0;
		while at < best.len() && tries < TRIES {
			let end = (at + piece).min(best.len());
			let mut smaller = best.clone();
			smaller.drain(at..end);
			tries += 1;
			if fails(&smaller) {
				best = smaller;
			} else {
				at = end;
			}
		}
		piece = if piece == 1 { 0 } else { piece.div_ceil(2) };
	}
	for at in 0..best.len() {
		if best[at] == 0 || tries >= TRIES {
			continue;
		}
		let kept = std::mem::take(&mut best[at]);
		tries += 1;
		if !fails(&best) {
			best[at] = kept;
		}
	}
	best
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn input_shrinks_to_what_matters_when_the_rest_is_noise() {
		let mut noise = vec![9; 300];
		noise[40] = 1;
		noise[200] = 2;
		let small = shrink(&noise, |bytes| {
			bytes.iter().position(|byte| *byte == 1).is_some_and(|at| bytes[at..].contains(&2))
		});
		assert_eq!(small, [1, 2]);
	}
}
