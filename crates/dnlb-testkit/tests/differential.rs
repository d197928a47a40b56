//! Random packets in random order through the pure function and the kernel: no difference, in no byte.

use std::collections::BTreeMap;

use dnlb_abi::{Outcome, instance_mac, tunnel_mac};
use dnlb_explain::{Maps, Step, explain};
use dnlb_testkit::{
    Choices, Engine, Family, Kernel, Program, Pure, Scene, Seen, TestFrame, family, random_frame, with_family,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Choices of random bytes: hosts and frames are those that fuzzers make of theirs.
fn some_bytes<const N: usize>(rng: &mut StdRng) -> [u8; N] {
    std::array::from_fn(|_| rng.random())
}

/// A host that now and then lacks something.
fn some_scene(rng: &mut StdRng) -> Scene {
    Scene::random(&mut Choices::new(&some_bytes::<400>(rng)))
}

fn some_frame(rng: &mut StdRng) -> (Program, Vec<u8>) {
    random_frame(&mut Choices::new(&some_bytes::<80>(rng)))
}

/// What an explanation foretells: outcome, details, counters.
fn foretold<M: Maps<Error: std::fmt::Debug>>(
    maps: &M,
    program: Program,
    frame: &[u8],
) -> (Outcome, [u32; 4], BTreeMap<&'static str, u64>) {
    let told = explain(maps, program.explained(), frame).expect("maps can be read");
    let noted = told.steps.iter().filter_map(|step| match step {
        Step::Counted(outcome) => Some(*outcome),
        _ => None,
    });
    let mut counted = BTreeMap::new();
    for outcome in noted.chain([told.verdict.outcome]) {
        *counted.entry(outcome.name()).or_default() += 1;
    }
    (told.verdict.outcome, told.verdict.details(), counted)
}

fn summary(seen: &Seen) -> (Outcome, [u32; 4], BTreeMap<&'static str, u64>) {
    (seen.outcome, seen.details, seen.counted.clone())
}

fn compare(seed: u64, scenes: u32, frames: u32) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut outcomes = std::collections::BTreeMap::new();
    for scene in 0..scenes {
        with_family(if scene % 2 == 0 { Family::V4 } else { Family::V6 }, || {
            let state = some_scene(&mut rng).state();
            let mut pure = Pure::new(state.clone());
            let mut kernel = Kernel::new(&state).expect("the programs load");
            for at in 0..frames {
                let (program, frame) = some_frame(&mut rng);
                let wanted = pure.run(program, &frame).expect("the pure function runs");
                // First, since it must not leave anything that the run would find; what it left would show in the records.
                let foretold = foretold(&kernel.switch().live().expect("maps"), program, &frame);
                let seen = kernel.run(program, &frame).expect("the kernel runs");
                assert_eq!(
                    foretold,
                    summary(&seen),
                    "explained: seed {seed}, scene {scene}, frame {at}, {program:?}"
                );
                assert_eq!(
                    seen,
                    wanted,
                    "seed {seed}, scene {scene} ({:?}), frame {at}, {program:?}: {frame:02x?}",
                    family()
                );
                *outcomes.entry(wanted.outcome.name()).or_insert(0_u32) += 1;
            }
            let (pure, kernel) = (pure.flows().expect("flows"), kernel.flows().expect("flows"));
            assert_eq!(kernel, pure, "flow records after scene {scene}");
        });
    }
    println!("{} frames, no difference: {outcomes:?}", scenes * frames);
    // A generator that only ever hits one outcome would compare nothing.
    assert!(outcomes.len() >= 25, "{outcomes:?}");
}

#[test]
fn an_explanation_foretells_what_becomes_of_random_packets() {
    let mut rng = StdRng::seed_from_u64(0xe791);
    let mut outcomes = std::collections::BTreeSet::new();
    for scene in 0..4 {
        with_family(if scene % 2 == 0 { Family::V4 } else { Family::V6 }, || {
            let mut pure = Pure::new(some_scene(&mut rng).state());
            for at in 0..20_000 {
                let (program, frame) = some_frame(&mut rng);
                let before = pure.flows().expect("flows");
                let foretold = foretold(&pure, program, &frame);
                assert_eq!(pure.flows().expect("flows"), before, "explaining changes nothing");
                let seen = pure.run(program, &frame).expect("the pure function runs");
                assert_eq!(foretold, summary(&seen), "scene {scene}, frame {at}, {program:?}: {frame:02x?}");
                outcomes.insert(seen.outcome.name());
            }
        });
    }
    assert!(outcomes.len() >= 25, "{outcomes:?}");
}

#[test]
#[ignore = "needs root"]
fn the_kernel_decides_random_packets_as_the_pure_function_does() {
    // 100,000 frames; a hundred scenes are a million.
    let scenes = std::env::var("DNLB_SCENES").map_or(10, |it| it.parse().expect("a number of scenes"));
    compare(0xd11b, scenes, 10_000);
}

/// What fuzzing has found: slots of members who had gone kept them, in the kernel only, and whoever asked all members asked them too.
#[test]
#[ignore = "needs root"]
fn members_that_have_gone_are_not_asked() {
    let scene = |members: &[(u32, u16, u16)]| {
        let instances = Scene::new().instance(1, 7, "10.0.0.11", 1).instance(2, 7, "10.0.0.12", 2);
        let instances = instances.instance(3, 7, "10.0.0.13", 2).instance(4, 7, "10.0.0.14", 3);
        instances.service(1, 7, "10.0.0.100", 53, members).udp().former(&[(2, 2)]).state()
    };
    let (before, after) =
        (scene(&[(1, 1, 53), (2, 2, 53), (3, 2, 53), (4, 3, 53)]), scene(&[(1, 1, 53), (2, 2, 53)]));
    let mut kernel = Kernel::new(&before).expect("the programs load");
    kernel.change(after.clone()).expect("maps can be changed");
    let mut pure = Pure::new(after);
    for port in 40_000..40_032 {
        // Comes back from the last who could be asked.
        let frame = TestFrame::datagram(&format!("10.0.0.15:{port}"), "10.0.0.100:53")
            .macs(instance_mac(2), tunnel_mac(6, false))
            .build();
        let real = kernel.run(Program::FromOverlay(7), &frame).expect("the kernel runs");
        let wanted = pure.run(Program::FromOverlay(7), &frame).expect("the pure function runs");
        assert_eq!(real, wanted);
    }
}
