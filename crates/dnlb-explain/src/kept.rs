//! A list that only grows, whose values can be lent while it does.

use std::cell::OnceCell;

/// Keeps copies of map values for as long as a decision looks at them.
#[derive(Debug)]
pub(crate) struct Kept<T>(OnceCell<Box<(T, Kept<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<T> Kept<T> {
    /// Keeps `value` and lends it.
    pub(crate) fn keep(&self, value: T) -> &T {
        let mut end = self;
        while let Some(link) = end.0.get() {
            end = &link.1;
        }
        &end.0.get_or_init(|| Box::new((value, Self::default()))).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_while_others_come() {
        let kept = Kept::default();
        let (first, second) = (kept.keep(1), kept.keep(2));
        assert_eq!((*first, *second, *kept.keep(3)), (1, 2, 3));
    }
}
