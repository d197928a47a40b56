//! "Did you mean": the known word that somebody meant who wrote another one.

/// The known word that is most like a written one, if any is like it at all.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    // A third of the letters may be wrong; of a short word one, else everything would be like everything.
    let most = (written.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|word| (distance(&written, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, word)| word)
}

/// `, did you mean ...?`, or nothing.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, known).map(|word| format!(", did you mean `{word}`?")).unwrap_or_default()
}

/// Letters to change; one for the beginning of a word, which is a common way to write it.
fn distance(written: &str, word: &str) -> usize {
    let letters = strsim::damerau_levenshtein(written, word);
    if written.len() >= 3 && word.starts_with(written) { letters.min(1) } else { letters }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["db", "shop", "web", "web-canary", "production"];

    #[test]
    fn a_slip_is_understood() {
        for (written, meant) in [
            ("wbe", "web"),
            ("Web", "web"),
            ("webb", "web"),
            ("shp", "shop"),
            ("web_canary", "web-canary"),
            ("prod", "production"),
            ("prodcution", "production"),
        ] {
            assert_eq!(nearest(written, KNOWN), Some(meant), "{written}");
        }
    }

    #[test]
    fn another_word_is_not_a_slip() {
        for written in ["api", "", "x", "caller", "xy"] {
            assert_eq!(nearest(written, KNOWN), None, "{written}");
        }
    }

    #[test]
    fn the_sentence_is_there_only_with_a_word() {
        assert_eq!(did_you_mean("wbe", KNOWN), ", did you mean `web`?");
        assert_eq!(did_you_mean("caller", KNOWN), "");
    }
}
