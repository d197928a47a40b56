//! Which processors receive the packets of a device.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aya::util::nr_cpus;

/// All processors, as the kernel's settings of receive packet steering want them: words of 32 bits in hexadecimal, the highest
/// first.
///
/// With it, a device's packets are spread over all processors by their flow, and packets of one flow stay on one, in order.
///
/// # Source
/// `Documentation/networking/scaling.rst`.
///
/// # Errors
/// The number of processors cannot be read.
pub fn every_processor() -> io::Result<String> {
    Ok(mask(nr_cpus().map_err(|(_, source)| source)?))
}

fn mask(processors: usize) -> String {
    let word = |bits: usize| u32::MAX >> (32 - bits);
    let highest = (processors - 1) % 32 + 1;
    let lower = (processors - 1) / 32;
    format!("{:x}", word(highest)) + &",ffffffff".repeat(lower)
}

/// Spreads the packets that a device receives over all processors, by their flow.
///
/// Two processors that have packets of one flow at the same time let them overtake each other; and Linux, when a client's first two
/// segments are heard at the same time, may find no socket for one of them and reset the connection.
///
/// # Errors
/// The device's settings cannot be read or written; not found: this file system shows another network namespace, or none.
pub fn steer_by_flow(device: &str) -> io::Result<()> {
    let every = every_processor()?;
    for setting in settings(Path::new("/sys/class/net"), device)? {
        if fs::read_to_string(&setting)?.trim() != every {
            fs::write(setting, &every)?;
        }
    }
    Ok(())
}

/// The settings of all receive queues.
fn settings(devices: &Path, device: &str) -> io::Result<Vec<PathBuf>> {
    let queues = fs::read_dir(devices.join(device).join("queues"))?;
    let paths = queues.map(|queue| queue.map(|queue| queue.path().join("rps_cpus")));
    Ok(paths.collect::<io::Result<Vec<_>>>()?.into_iter().filter(|path| path.exists()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_a_bit_for_each_processor() {
        let masks = [1, 2, 31, 32, 33, 96].map(mask);
        assert_eq!(masks, ["1", "3", "7fffffff", "ffffffff", "1,ffffffff", "ffffffff,ffffffff,ffffffff"]);
    }

    #[test]
    fn only_queues_that_receive_have_the_setting() {
        let devices = tempfile::tempdir().unwrap();
        for queue in ["rx-0", "rx-1", "tx-0"] {
            fs::create_dir_all(devices.path().join("d/queues").join(queue)).unwrap();
        }
        for queue in ["rx-0", "rx-1"] {
            fs::write(devices.path().join("d/queues").join(queue).join("rps_cpus"), "0\n").unwrap();
        }
        assert_eq!(settings(devices.path(), "d").unwrap().len(), 2);
        assert_eq!(settings(devices.path(), "e").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
