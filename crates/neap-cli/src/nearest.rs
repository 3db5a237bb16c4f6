//! What someone may have meant by a word that is not known.

/// The least likeness that is worth a question.
const LIKE: f64 = 0.5;

/// The word of `known` that is most like `text`, if one is like it at all.
pub(crate) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::normalized_damerau_levenshtein(known, text), known));
    let best = scored.max_by(|(left, _), (right, _)| left.total_cmp(right))?;
    (best.0 > LIKE).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near_or_there_is_none() {
        let known = ["ecr.api", "service.api"];
        assert_eq!(nearest("ecr.apu", known.into_iter()), Some("ecr.api"));
        assert_eq!(nearest("servce.api", known.into_iter()), Some("service.api"));
        assert_eq!(nearest("zzz", known.into_iter()), None);
        assert_eq!(nearest("a", std::iter::empty()), None);
    }
}
