//! What the maps hold, as bytes: for comparing.

use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed};

use crate::{
    Switch, SwitchError,
    error::raw_failed,
    groups::{Group, MAPS},
    load::map_data,
    mapped::MappedArray,
    raw::RawMap,
};

/// What a map holds, by key; for arrays that are mapped, word by word.
pub type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

impl Switch {
    /// Everything that [`Self::apply`] writes, by map. What is zero is left out.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn contents(&self) -> Result<BTreeMap<&'static str, Contents>, SwitchError> {
        let mut all = BTreeMap::new();
        let mapped = [&self.displacements, &self.services, &self.rows_hot, &self.rows_cold, &self.members];
        for array in mapped.into_iter().chain([&self.rules, &self.rule_index]) {
            all.insert(array.name(), words(array)?);
        }
        for map in MAPS.iter().filter(|map| map.group == Group::Configuration) {
            if all.contains_key(map.name) {
                continue;
            }
            let failed = raw_failed(map.name, "read");
            let mut contents = Contents::new();
            let raw = RawMap::new(map_data(&self.ebpf, map.name)?).map_err(failed)?;
            raw.for_each(|key, value| {
                if value.iter().any(|&byte| byte != 0) {
                    contents.insert(key.to_vec(), value.to_vec());
                }
                Ok(())
            })
            .map_err(failed)?;
            all.insert(map.name, contents);
        }
        Ok(all)
    }
}

fn words(array: &MappedArray) -> Result<Contents, SwitchError> {
    let mut contents = Contents::new();
    for at in 0..array.words() {
        let word = array.word(at)?.load(Relaxed);
        if word != 0 {
            contents.insert((at as u64).to_be_bytes().into(), word.to_be_bytes().into());
        }
    }
    Ok(contents)
}
