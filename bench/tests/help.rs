//! The harness starts. What it measures takes minutes: `just bench`.

use std::process::Command;

#[test]
fn it_says_what_it_measures() {
    let told = Command::new(env!("CARGO_BIN_EXE_bench")).arg("--help").output().unwrap();
    assert!(told.status.success());
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("--rounds") && told.contains("--svg"), "{told}");
}
