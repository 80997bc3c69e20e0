//! "Did you mean …?"

/// The candidate that is nearest to `name`, if it is near enough to be a slip.
pub(crate) fn nearest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let allowed = match name.len() {
        0..=3 => 0,
        4..=6 => 1,
        7..=8 => 2,
        _ => 3,
    };
    let fold = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let name = fold(name);
    candidates
        .map(|candidate| (distance(&name, &fold(candidate), allowed), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) between two texts; more than `limit` is not counted out.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (cell(&last, j) + usize::from(x != y)).min(cell(&last, j + 1) + 1).min(cell(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(cell(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(limit + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let names = ["drop_params", "num_retries", "master_key", "fallbacks", "rpm", "tpm"];
        let table = [
            ("drop_parms", Some("drop_params")),
            ("drop-params", Some("drop_params")),
            ("num_retires", Some("num_retries")),
            ("num_retry", Some("num_retries")),
            ("materkey", Some("master_key")),
            ("master_kye", Some("master_key")),
            ("rpn", None),
            ("something_else", None),
        ];
        for (slip, expected) in table {
            assert_eq!(nearest(slip, names.into_iter()), expected, "{slip}");
        }
    }
}
