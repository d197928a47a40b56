//! Values of maps as plain bytes.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A map key or value: any `dnlb-abi` type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Plain<T>(pub T);

// SAFETY: `FromBytes` says that every byte pattern is a value, `IntoBytes` that there is no padding to leak, and the
// wrapper is transparent.
unsafe impl<T: Copy + FromBytes + IntoBytes + Immutable + 'static> aya::Pod for Plain<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_exactly_its_bytes() {
        let counter = dnlb_abi::Counter { packets: 1, bytes: 2 };
        assert_eq!(size_of::<Plain<dnlb_abi::Counter>>(), counter.as_bytes().len());
    }
}
