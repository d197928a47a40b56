//! The demo checks its own claims: it ends well, or one of them is not true.

use std::process::Command;

#[test]
#[ignore = "needs root and a release build"]
fn the_demo_ends_well_also_the_second_time() {
    let program =
        std::env::var_os("DNLB_BIN").expect("DNLB_BIN names the binary: run `cargo xtask test lab`");
    let lab = |command: &str| {
        let output = Command::new(&program).args(["lab", "--name", "demotest", command]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said + &error)
    };
    for _ in 0..2 {
        let (ended_well, said) = lab("demo");
        assert!(ended_well, "{said}");
    }
    let (removed, said) = lab("down");
    assert!(removed, "{said}");
}
