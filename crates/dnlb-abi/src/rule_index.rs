//! How a list of rules is laid out so that its first match is found without trying one after the other.

/// First word of a rule index: how long its parts are.
///
/// An index answers "which rule of a list is the first that speaks of this packet" for a *service* (protocol and
/// destination port as one number, [`RuleIndex::service`]) and the peer's address. The rules cut both lines into pieces
/// within which no rule begins or ends; pieces that the same rules cover are of one *class*. Two binary searches find the
/// classes, and a table tells by the pair of classes which rule is the first.
///
/// # Shape
/// In `RULE_INDEX`, in 64-bit words:
///
/// | words | what |
/// |---|---|
/// | 1 | this |
/// | [`services`](Self::services) | where each piece of the services begins, upper half; where its class lies in the table, lower half |
/// | 2 x [`addresses`](Self::addresses) | where each piece of the addresses begins: upper, then lower 64 bits |
/// | a quarter of [`addresses`](Self::addresses) | the class of each such piece, 16 bits |
/// | the rest | the table |
///
/// Both lines begin at 0 and are sorted. The table has one of two forms, whichever is shorter for the list:
///
/// * *Cells*, when [`vector`](Self::vector) is 0: 16 bits for each pair, the rule's position in the list and one, 0 for no
///   rule. A service's class lies at the cell of its first address class.
/// * *Vectors*: for each class of addresses, then of services, as many words as `vector` says, with a bit for each rule of
///   the list that covers the class, the first rule's lowest. The first bit that both vectors have is the rule. A service's
///   class lies at its vector's first word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleIndex(u64);

impl RuleIndex {
    /// Most words of a vector: a bit for each of [`crate::RULES_PER_RANGE`] rules.
    pub const VECTOR_MAX: u32 = crate::RULES_PER_RANGE.div_ceil(64);
    /// Most steps of a binary search. A rule cuts a line twice, so there are one piece and two for each rule at most.
    pub const STEPS: u32 = (2 * crate::RULES_PER_RANGE + 1).next_power_of_two().ilog2();

    /// An index with parts of this length.
    #[must_use]
    pub const fn new(services: u16, addresses: u16, vector: u16) -> Self {
        Self(services as u64 | (addresses as u64) << 16 | (vector as u64) << 32)
    }

    /// As the word says.
    #[inline(always)]
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// As a word.
    #[must_use]
    pub const fn word(self) -> u64 {
        self.0
    }

    /// Pieces of the services.
    #[inline(always)]
    #[must_use]
    pub const fn services(self) -> u32 {
        self.0 as u32 & 0xffff
    }

    /// Pieces of the addresses.
    #[inline(always)]
    #[must_use]
    pub const fn addresses(self) -> u32 {
        self.0 as u32 >> 16
    }

    /// Words of a vector; 0: the table consists of cells.
    #[inline(always)]
    #[must_use]
    pub const fn vector(self) -> u32 {
        (self.0 >> 32) as u32 & 0xffff
    }

    /// Protocol and destination port as one number.
    #[inline(always)]
    #[must_use]
    pub const fn service(protocol: u32, port: u32) -> u32 {
        protocol << 16 | port
    }
}
