//! The committed YAML is what the types say. `UPDATE=1 cargo test -p understudy-crds --test generated` writes it.

use std::path::Path;

const NOTE: &str = "# Generated from crds/src by tests/generated.rs; do not edit.\n";

#[test]
fn committed_definitions_match_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("generated");
    for (file, definition) in understudy_crds::definitions() {
        let fresh = format!("{NOTE}{}", serde_yaml_ng::to_string(&definition).unwrap());
        let path = folder.join(file);
        #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
        if std::env::var("UPDATE").is_ok() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == fresh,
            "{file} differs: run `UPDATE=1 cargo test -p understudy-crds --test generated`"
        );
    }
}

#[test]
fn every_property_has_a_description() {
    for (file, definition) in understudy_crds::definitions() {
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        let root = &schema["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            assert_described(&root[part], &format!("{file}: {part}"));
        }
    }
}

fn assert_described(schema: &serde_json::Value, path: &str) {
    assert!(schema["description"].is_string(), "{path} has no description");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        assert_described(property, &format!("{path}.{name}"));
    }
    for (name, property) in schema["items"]["properties"].as_object().into_iter().flatten() {
        assert_described(property, &format!("{path}[].{name}"));
    }
}

#[test]
fn every_field_of_a_spec_says_what_a_change_does() {
    for (file, definition) in understudy_crds::definitions() {
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        assert_says_what_a_change_does(
            &schema["openAPIV3Schema"]["properties"]["spec"],
            &format!("{file}: spec"),
        );
    }
}

fn assert_says_what_a_change_does(schema: &serde_json::Value, path: &str) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let text = property["description"].as_str().unwrap_or_default();
        let told = ["change is live", "restarts the pod", "Immutable"].iter().any(|word| text.contains(word));
        assert!(told, "{path}.{name} does not say whether a change is live: {text:?}");
        assert_says_what_a_change_does(property, &format!("{path}.{name}"));
    }
}
