//! Text as words: what retrieval ranks and compares.

/// Longest word kept, characters; the rest of a longer one is cut off.
const MAX_WORD: usize = 64;
/// Words in a shingle, the unit in which copied text is recognised.
const SHINGLE: usize = 5;
/// One shingle in so many is compared, chosen by its hash, so that the same ones are chosen everywhere.
const SAMPLING: u64 = 4;

/// Lower-cased words of letters and digits without English plural endings; ideographs stand alone.
pub fn words(text: &str) -> Vec<String> {
	let (mut words, mut word) = (Vec::new(), String::new());
	for character in text.chars().flat_map(char::to_lowercase) {
		if !character.is_alphanumeric() || is_ideograph(character) {
			push_word(&mut words, &mut word);
		}
		if is_ideograph(character) {
			words.push(character.into());
		} else if character.is_alphanumeric() {
			word.push(character);
		}
	}
	push_word(&mut words, &mut word);
	words
}

/// Sampled hashes of all groups of [`SHINGLE`] consecutive words; of all words when there are fewer.
pub(crate) fn shingles(words: &[String]) -> Vec<u64> {
	if words.len() < SHINGLE {
		return vec![short_hash(words.join(" ").as_bytes())];
	}
	let hashes = words.windows(SHINGLE).map(|group| short_hash(group.join(" ").as_bytes()));
	let all: Vec<u64> = hashes.collect();
	let sampled: Vec<u64> = all.iter().copied().filter(|hash| hash % SAMPLING == 0).collect();
	if sampled.is_empty() {
		all
	} else {
		sampled
	}
}

fn short_hash(bytes: &[u8]) -> u64 {
	let hash = blake3::hash(bytes);
	hash.as_bytes().iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn push_word(words: &mut Vec<String>, word: &mut String) {
	if let Some((cut, _)) = word.char_indices().nth(MAX_WORD) {
		word.truncate(cut);
	}
	strip_plural(word);
	if !word.is_empty() {
		words.push(std::mem::take(word));
	}
}

/// Harman's S-stemmer ("How effective is suffixing?", 1991): plurals meet their singulars, nothing else.
fn strip_plural(word: &mut String) {
	let ends = |word: &str, endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
	if word.len() <= 3 || !word.ends_with('s') {
		return;
	}
	if word.ends_with("ies") {
		if !ends(word, &["eies", "aies"]) {
			word.truncate(word.len() - 3);
			word.push('y');
		}
	} else if !ends(word, &["aes", "ees", "oes", "us", "ss"]) {
		word.pop();
	}
}

fn is_ideograph(character: char) -> bool {
	matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn words_are_lower_case_singulars_when_text_is_english() {
		assert_eq!(
			words("The Policies, of 3 kernels' glass-buses!"),
			["the", "policy", "of", "3", "kernel", "glass", "buse"]
		);
	}

	#[test]
	fn words_are_single_characters_when_script_has_no_spaces() {
		assert_eq!(words("日本 kernel語"), ["日", "本", "kernel", "語"]);
	}

	#[test]
	fn words_are_cut_when_too_long() {
		assert_eq!(words(&"é".repeat(1_000)), ["é".repeat(MAX_WORD)]);
		assert!(words(" .,;\u{0}").is_empty());
	}

	#[test]
	fn shingles_are_shared_when_text_is_shifted() {
		let text: Vec<String> = (0..200).map(|n| n.to_string()).collect();
		let (whole, shifted) = (shingles(&text), shingles(&text[50..]));
		assert!(shifted.iter().all(|shingle| whole.contains(shingle)));
		assert!(whole.len() > 20 && whole.len() < 100, "about a quarter of 196 is sampled: {}", whole.len());
	}
}
