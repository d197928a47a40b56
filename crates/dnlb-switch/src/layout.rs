//! How maps describe themselves, and how the values of one version become those of another.
//!
//! Pure: no map is touched here.

use std::{fmt, str::FromStr};

use dnlb_abi::Field;

/// First line of every description.
const FORMAT: &str = "dnlb-maps 1";
/// Bytes of a key or value; the longest of ours has 4 MiB.
const LONGEST: usize = 1 << 24;

/// What a group of maps looks like, as it stands in the group's map `LAYOUT`, a line each:
///
/// ```text
/// dnlb-maps 1
/// version 0
/// map FLOWS 1048576
/// key 28
/// peer 0 16
/// ...
/// value 72
/// original_addr 0 16
/// ...
/// ```
///
/// After the name of a map, the number of its entries; after the name of a field, its offset and length. Lines without
/// fields between `key` and `value`: only the length is known, and nothing of it is converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    /// Changes with the meaning of what no field name tells.
    pub(crate) version: u32,
    pub(crate) maps: Vec<MapDescription>,
}

/// One map of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MapDescription {
    pub(crate) name: String,
    pub(crate) entries: u32,
    pub(crate) key: Shape,
    pub(crate) value: Shape,
}

/// Length and fields of a key or value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) len: usize,
    pub(crate) fields: Vec<OwnedField>,
}

/// A [`Field`] that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedField {
    name: String,
    offset: usize,
    len: usize,
}

/// A line of a description that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the description is not understood")]
pub(crate) struct DescriptionError {
    line: usize,
}

impl Description {
    /// FNV-1a of the text: equal for equal layouts only, up to accident.
    pub(crate) fn identity(&self) -> u64 {
        self.to_string()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// The map of that name.
    pub(crate) fn map(&self, name: &str) -> Option<&MapDescription> {
        self.maps.iter().find(|map| map.name == name)
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORMAT}\nversion {}", self.version)?;
        for map in &self.maps {
            writeln!(f, "map {} {}", map.name, map.entries)?;
            for (word, shape) in [("key", &map.key), ("value", &map.value)] {
                writeln!(f, "{word} {}", shape.len)?;
                for field in &shape.fields {
                    writeln!(f, "{} {} {}", field.name, field.offset, field.len)?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Description {
    type Err = DescriptionError;

    fn from_str(text: &str) -> Result<Self, DescriptionError> {
        let mut description = Self { version: 0, maps: Vec::new() };
        let mut in_value = false;
        for (index, line) in text.lines().enumerate() {
            let wrong = DescriptionError { line: index + 1 };
            let number = |word: &str| word.parse::<u32>().map_err(|_| wrong.clone());
            let length = |word: &str| match word.parse() {
                Ok(length) if length <= LONGEST => Ok(length),
                _ => Err(wrong.clone()),
            };
            let words: Vec<&str> = line.split(' ').collect();
            match (index, words.as_slice(), description.maps.last_mut()) {
                (0, _, _) if line == FORMAT => {}
                (1, ["version", version], _) => description.version = number(version)?,
                (2.., ["map", name, entries], _) => {
                    in_value = false;
                    description.maps.push(MapDescription {
                        name: (*name).to_owned(),
                        entries: number(entries)?,
                        key: Shape::default(),
                        value: Shape::default(),
                    });
                }
                (_, ["key", len], Some(map)) => map.key.len = length(len)?,
                (_, ["value", len], Some(map)) => {
                    in_value = true;
                    map.value.len = length(len)?;
                }
                (_, [name, offset, len], Some(map)) => {
                    let (offset, len) = (length(offset)?, length(len)?);
                    let shape = if in_value { &mut map.value } else { &mut map.key };
                    if offset + len > shape.len {
                        return Err(wrong);
                    }
                    shape.fields.push(OwnedField { name: (*name).to_owned(), offset, len });
                }
                _ => return Err(wrong),
            }
        }
        if description.maps.is_empty() {
            Err(DescriptionError { line: text.lines().count() })
        } else {
            Ok(description)
        }
    }
}

impl Shape {
    /// A key or value of which only the length matters.
    pub(crate) fn whole(len: usize) -> Self {
        Self { len, fields: Vec::new() }
    }

    /// One that can be converted.
    pub(crate) fn of(fields: &[Field]) -> Self {
        let own =
            |field: &Field| OwnedField { name: field.name.to_owned(), offset: field.offset, len: field.len };
        Self { len: fields.iter().map(|field| field.len).sum(), fields: fields.iter().map(own).collect() }
    }

    /// A field of this shape that `other` has not.
    pub(crate) fn first_missing_in(&self, other: &Self) -> Option<&str> {
        let has = |name: &str| other.fields.iter().any(|field| field.name == name);
        self.fields.iter().map(|field| field.name.as_str()).find(|name| !has(name))
    }
}

/// How values of one shape become values of another: field by field, by name.
///
/// # Invariants
/// Fields that the former shape lacks become zero; those that the new one lacks are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conversion {
    /// Former and new place of every field that both have: offset and length.
    moves: Vec<((usize, usize), (usize, usize))>,
}

impl Conversion {
    /// From one shape to another.
    pub(crate) fn new(from: &Shape, to: &Shape) -> Self {
        let former = |name: &str| from.fields.iter().find(|field| field.name == name);
        let place = |field: &OwnedField| (field.offset, field.len);
        let moves = to.fields.iter().filter_map(|field| Some((place(former(&field.name)?), place(field))));
        Self { moves: moves.collect() }
    }

    /// Converts a value; `to` must be as long as the shapes say, as must `from`. False: a number does not fit into its
    /// new place.
    pub(crate) fn apply(&self, from: &[u8], to: &mut [u8]) -> bool {
        to.fill(0);
        self.moves.iter().all(|&((from_at, from_len), (to_at, to_len))| {
            // Numbers are little-endian, in programs (`bpfel`) as in every agent: what is longer has zeros at the end.
            let common = from_len.min(to_len);
            to[to_at..to_at + common].copy_from_slice(&from[from_at..from_at + common]);
            from[from_at + common..from_at + from_len].iter().all(|&byte| byte == 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use dnlb_abi::{FlowKey, FlowRecord, Layout};
    use zerocopy::{FromBytes, IntoBytes};

    use super::*;

    fn shape(fields: &[(&str, usize, usize)]) -> Shape {
        let own = |&(name, offset, len): &(&str, usize, usize)| OwnedField { name: name.into(), offset, len };
        Shape { len: fields.iter().map(|field| field.2).sum(), fields: fields.iter().map(own).collect() }
    }

    fn description() -> Description {
        Description {
            version: 7,
            maps: vec![
                MapDescription {
                    name: "FLOWS".to_owned(),
                    entries: 1024,
                    key: Shape::of(FlowKey::FIELDS),
                    value: Shape::of(FlowRecord::FIELDS),
                },
                MapDescription {
                    name: "PORTS".to_owned(),
                    entries: 4,
                    key: Shape::whole(4),
                    value: Shape::whole(4),
                },
            ],
        }
    }

    #[test]
    fn a_description_is_read_as_it_was_written() {
        let description = description();
        assert_eq!(description.to_string().parse(), Ok(description.clone()));
        let mut other = description.clone();
        other.maps[0].value.fields.swap(1, 2);
        assert_ne!(other.identity(), description.identity());
        let mut other = description.clone();
        other.maps[1].entries += 1;
        assert_ne!(other.identity(), description.identity());
    }

    #[test]
    fn no_damaged_description_is_believed() {
        let text = description().to_string();
        for (from, to) in
            [("maps 1", "maps 2"), ("version 7", "version x"), ("key 28", "key 27"), ("FLOWS 1024", "FLOWS")]
        {
            let damaged = text.replace(from, to);
            assert_ne!(damaged, text);
            assert!(damaged.parse::<Description>().is_err(), "{damaged}");
        }
        // Cut anywhere, up to its last line's end: refused, or less than it was; never a panic.
        for end in 0..text.len() - 1 {
            assert_ne!(text[..end].parse(), Ok(description()));
        }
    }

    #[test]
    fn a_record_goes_to_a_longer_layout_and_back() {
        let own = Shape::of(FlowRecord::FIELDS);
        // Every field moves, one is wider, one is new.
        let newer = shape(&[
            ("shard", 0, 8),
            ("bytes", 8, 8),
            ("original_port", 16, 4),
            ("via", 20, 2),
            ("spare", 22, 2),
            ("original_addr", 24, 16),
            ("flags", 40, 4),
            ("service", 44, 4),
            ("last_used_ns", 48, 8),
            ("rules", 56, 4),
            ("end", 60, 4),
            ("packets_in", 64, 8),
            ("packets_out", 72, 8),
        ]);
        let record = FlowRecord {
            original_addr: std::array::from_fn(|at| at as u8 + 1),
            original_port: 80,
            via: FlowRecord::VIA_UPLINK,
            flags: FlowRecord::FLAG_TRANSLATED | FlowRecord::FLAG_END,
            service: 17,
            rules: 0xdead_beef,
            last_used_ns: u64::MAX - 5,
            packets_in: 3,
            packets_out: 4,
            bytes: 500,
            end: 0x8000_0001,
            ..FlowRecord::default()
        };
        let mut there = [0xff; 80];
        assert!(Conversion::new(&own, &newer).apply(record.as_bytes(), &mut there));
        assert_eq!((&there[..8], &there[16..20]), (&[0; 8][..], &80_u32.to_le_bytes()[..]));
        let mut back = [0xff; size_of::<FlowRecord>()];
        assert!(Conversion::new(&newer, &own).apply(&there, &mut back));
        assert_eq!(FlowRecord::read_from_bytes(&back), Ok(record));
    }

    #[test]
    fn a_number_that_does_not_fit_is_not_cut() {
        let (wide, narrow) = (shape(&[("port", 0, 4)]), shape(&[("port", 0, 2)]));
        let narrower = Conversion::new(&wide, &narrow);
        let mut to = [0; 2];
        assert!(narrower.apply(&65_535_u32.to_le_bytes(), &mut to) && to == [255, 255]);
        assert!(!narrower.apply(&65_536_u32.to_le_bytes(), &mut to));
    }

    #[test]
    fn what_a_key_lacks_is_named() {
        let own = Shape::of(FlowKey::FIELDS);
        let former = shape(&[("peer", 0, 16), ("instance", 16, 4), ("protocol", 20, 4)]);
        assert_eq!(own.first_missing_in(&former), Some("ports"));
        assert_eq!(former.first_missing_in(&own), None);
    }
}
