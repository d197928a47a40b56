//! What kernel maps hold after changes alone were written, beside those into which everything was written.

use dnlb_plan::{Allocation, Compiler, compile};
use dnlb_switch::Switch;
use dnlb_testkit::{Choices, Scene};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Scenes one after another.
const STEPS: usize = 60;
/// Bytes that make a scene.
const BYTES: usize = 160;

#[test]
#[ignore = "needs root"]
fn maps_are_the_same_whether_changes_are_written_or_everything() {
    let seed = std::env::var("DNLB_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut switches = [(); 2].map(|()| Switch::open_for_tests().expect("the programs load"));
    let mut compiler = Compiler::new(Allocation::default());
    let mut places = Allocation::default();
    let mut bytes: [u8; BYTES] = rng.random();
    for step in 0..STEPS {
        // Most scenes are the one before with something changed.
        match rng.random_range(0..10) {
            0 => bytes = rng.random(),
            1 => {}
            _ => bytes[rng.random_range(0..BYTES)] = rng.random(),
        }
        let scene = Scene::random(&mut Choices::new(&bytes));
        let (config, local) = scene.inputs();
        compiler.update(&config, &local).expect("the scene compiles");
        let everything = compile(&config, &local, &mut places).expect("the scene compiles");
        assert_eq!(compiler.state(), &everything, "seed {seed}, step {step}");

        let [changed, whole] = &mut switches;
        let wrote = changed.apply_changes(compiler.state(), compiler.changes()).expect("changes are written");
        compiler.applied();
        let wrote_whole = whole.apply(&everything).expect("everything is written");
        assert_eq!(wrote, wrote_whole, "seed {seed}, step {step}");
        let (changed_maps, whole_maps) = (changed.contents().unwrap(), whole.contents().unwrap());
        for (name, contents) in &changed_maps {
            assert!(*contents == whole_maps[name], "seed {seed}, step {step}: {name} differs");
        }
        // As an agent does now and then: it finds nothing to write.
        if rng.random_range(0..10) == 0 {
            assert_eq!(changed.apply(&everything).expect("nothing is written").writes, 0);
        }

        // The same configuration again: what is not used any more is freed, and then nothing is written.
        if rng.random_range(0..3) == 0 {
            for last in [false, true] {
                compiler.update(&config, &local).expect("the scene compiles");
                let again = compile(&config, &local, &mut places).expect("the scene compiles");
                let [changed, whole] = &mut switches;
                let wrote =
                    changed.apply_changes(compiler.state(), compiler.changes()).expect("changes are written");
                compiler.applied();
                assert_eq!(wrote, whole.apply(&again).expect("everything is written"));
                assert!(!last || wrote.writes == 0, "seed {seed}, step {step}: {wrote:?}");
            }
        }
    }
}
