//! The committed code is what the .proto files say. `UPDATE=1 cargo test -p understudy-proto` writes it.

use std::path::Path;

const FILES: [&str; 3] = ["understudy.control.v1.rs", "understudy.participants.v1.rs", "descriptors.bin"];
const SERVICES: [&str; 2] = ["control/v1/control.proto", "participants/v1/participants.proto"];

#[test]
fn generated_code_matches_the_proto_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = root.join("src/gen");
    let fresh = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .out_dir(fresh.path())
        .file_descriptor_set_path(fresh.path().join("descriptors.bin"))
        .codec_path("crate::SmallBuffers")
        .message_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .message_attribute(".", "#[serde(rename_all = \"camelCase\", default)]")
        .enum_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .enum_attribute(".", "#[serde(rename_all = \"camelCase\")]")
        .compile_protos(&SERVICES.map(|service| root.join(service)), &[root.to_path_buf()])
        .unwrap();
    for file in FILES {
        let (new, old) = (fresh.path().join(file), committed.join(file));
        #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
        if std::env::var("UPDATE").is_ok() {
            std::fs::copy(&new, &old).unwrap();
        }
        let same = std::fs::read(&new).unwrap() == std::fs::read(&old).unwrap_or_default();
        assert!(same, "{file} differs: run `UPDATE=1 cargo test -p understudy-proto`");
    }
}
