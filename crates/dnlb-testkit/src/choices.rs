//! Choices made of bytes.

/// Draws choices from bytes, so that whoever changes bytes, a fuzzer say, changes choices.
///
/// When the bytes are used up every choice is the first: what comes first in a list of alternatives should be the simplest.
#[derive(Clone, Debug)]
pub struct Choices<'b> {
    bytes: &'b [u8],
}

impl<'b> Choices<'b> {
    /// All choices that `bytes` make.
    #[must_use]
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// Whether all bytes are used up.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        first
    }

    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        let number = if end > 256 {
            usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
        } else {
            usize::from(self.byte())
        };
        number.checked_rem(end).unwrap_or(0)
    }

    /// Yes in so many of 256 cases; no when the bytes are used up.
    pub fn rarely(&mut self, cases: u8) -> bool {
        self.byte() > 255 - cases
    }

    /// One of some things.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_up_bytes_choose_what_comes_first() {
        let mut choices = Choices::new(&[7, 250]);
        assert_eq!(choices.pick(&[1, 2, 3, 4]), 4);
        assert!(choices.rarely(10) && choices.is_over());
        assert_eq!((choices.pick(&[1, 2]), choices.below(1_000), choices.rarely(200)), (1, 0, false));
    }
}
