//! Who the command line is, and what it says when it is not let in.

use std::os::unix::fs::MetadataExt;

use crate::region::{Region, said};

#[test]
fn a_profile_is_added_used_and_forgotten_and_keeps_its_secret() {
    let region = Region::start();
    let add = |name: &str, secret: &str, more: &[&str]| {
        let mut command = region.bare();
        command.args(["profile", "add", name, "--endpoint", &region.endpoint, "--region", "lab-1"]);
        said(command.args(["--access-key", &region.access_key]).args(more), secret)
    };
    let secret = format!("{}\n", region.secret_key);
    let first = add("good", &secret, &[]);
    assert_eq!((first.code, first.error.as_str()), (0, ""));
    assert!(first.out.contains("profile good in ") && first.out.contains(", in use"), "{}", first.out);
    assert_eq!(add("bad", "WRONG\n", &[]).code, 0);
    assert!(add("bad", "WRONG\n", &[]).error.contains("--replace"));
    let file = region.dir().join("config/dnlb/profiles.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);

    let run = |line: &str| said(region.bare().args(line.split_whitespace()), "");
    assert_eq!(run("status").code, 0, "the first profile is used");
    assert_eq!(run("--profile bad status").code, 1);
    assert_eq!(run("vpc list --profile good").code, 0);
    let mut command = region.bare();
    assert_eq!(said(command.env("DNLB_PROFILE", "bad").arg("status"), "").code, 1);
    let mut command = region.bare();
    let named = command.env("DNLB_SECRET_KEY", "WRONG").args(["--profile", "good", "status"]);
    assert_eq!(said(named, "").code, 0, "a profile that is named wins over the environment");

    let (list, show) = (run("profile list"), run("profile show -o json"));
    assert!(list.out.contains("good") && list.out.contains("bad"), "{}", list.out);
    assert_eq!(show.json()["accessKey"], region.access_key.as_str());
    assert!(![list.out, show.out].concat().contains(&region.secret_key));

    assert_eq!(run("profile use bad").code, 0);
    let error = run("status").error;
    assert!(error.contains("ACCESS_ERROR (401), request "), "{error}");
    assert!(
        error.contains("check the access key, its secret") && error.contains("from profile `bad`"),
        "{error}"
    );
    assert_eq!(run("profile remove bad").code, 0);
    assert!(run("profile use god").error.contains("did you mean `good`?"));
    assert!(run("status --profile bad").error.contains("there is no profile `bad`"));
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_so() {
    let region = Region::start();
    let mut command = region.bare();
    let error = said(
        command.env("DNLB_SECRET_KEY", "s").args([
            "--endpoint",
            "127.0.77.1:1",
            "--region",
            "r",
            "--access-key",
            "a",
            "status",
        ]),
        "",
    )
    .error;
    assert!(error.starts_with("error: cannot talk to 127.0.77.1:1: "), "{error}");
    assert!(error.contains("is the server up") && error.contains("from options"), "{error}");
    let error = said(region.bare().args(["vpc", "list"]), "").error;
    assert!(error.contains("dnlb profile add"), "{error}");
}
