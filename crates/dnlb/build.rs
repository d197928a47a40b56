//! Puts the console into the program, as `cargo xtask console` left it in `console/dist`. Where nothing was built, the program has none.

use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

fn main() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/dist");
    if let Err(error) = embed(&built) {
        println!("cargo::error=the console in {} cannot be put into the program: {error}", built.display());
    }
}

fn embed(built: &Path) -> io::Result<()> {
    // Cargo takes what is not there for changed, always, and what was made during a build as well: so the folder is made, and is old.
    if !built.exists() {
        fs::create_dir_all(built)?;
        fs::File::open(built)?.set_modified(SystemTime::UNIX_EPOCH)?;
    }
    println!("cargo::rerun-if-changed={}", built.display());
    let built = fs::canonicalize(built)?;
    let mut files = Vec::new();
    list(&built, &mut files)?;
    files.sort();
    let mut code = "&[\n".to_owned();
    for file in &files {
        let path = file.strip_prefix(&built).map_err(io::Error::other)?;
        if path.extension().is_some_and(|extension| extension == "br" || extension == "gz") {
            continue;
        }
        let compressed = |extension: &str| {
            let mut name = file.clone().into_os_string();
            name.push(extension);
            let name = PathBuf::from(name);
            if files.binary_search(&name).is_ok() {
                format!("Some(include_bytes!({name:?}))")
            } else {
                "None".to_owned()
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            code,
            "    File {{ path: {path:?}, plain: include_bytes!({file:?}), gzip: {}, brotli: {} }},",
            compressed(".gz"),
            compressed(".br")
        );
    }
    code += "]\n";
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&out).join("console.rs"), code)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
