//! The committed YAML is what the types say. `UPDATE=1 cargo test -p understudy-crds --test generated` writes it.

use std::path::Path;
use understudy_crds::v1alpha1::{LivestreamStatus, VirtualParticipantStatus};

/// Plain, and for the chart, which can only read files of its own.
const FOLDERS: [&str; 2] = ["generated", "../charts/understudy-crds/files/crds"];
const NOTE: &str = "# Generated from crds/src by tests/generated.rs; do not edit.\n";

#[test]
fn committed_definitions_match_the_types() {
    let command = "UPDATE=1 cargo test -p understudy-crds --test generated";
    for (file, definition) in understudy_crds::definitions() {
        let fresh = format!("{NOTE}{}", quoted(&serde_yaml_ng::to_string(&definition).unwrap()));
        for folder in FOLDERS {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(file);
            #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
            if std::env::var("UPDATE").is_ok() {
                std::fs::write(&path, &fresh).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(committed == fresh, "{} differs: run `{command}`", path.display());
        }
    }
}

/// Kubernetes' tools read YAML 1.1, where these words are booleans unless they stand in quotes.
const BOOLEANS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

fn quoted(yaml: &str) -> String {
    let lines = yaml.lines().map(|line| match line.rsplit_once(' ') {
        Some((before, word)) if before.ends_with(['-', ':']) && is_boolean(word) => {
            format!("{before} \"{word}\"\n")
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

fn is_boolean(word: &str) -> bool {
    BOOLEANS.contains(&word.to_ascii_lowercase().as_str())
}

#[test]
fn a_word_that_older_yaml_takes_for_a_boolean_stands_in_quotes() {
    let read = "enum:\n- Host\n- \"Off\"\ndefault: \"on\"\ntext: turn it off\n";
    assert_eq!(quoted("enum:\n- Host\n- Off\ndefault: on\ntext: turn it off\n"), read);
}

#[test]
fn every_property_has_a_description() {
    for (file, definition) in understudy_crds::definitions() {
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        let root = &schema["openAPIV3Schema"]["properties"];
        assert_described(&root["spec"], &format!("{file}: spec"));
        // What the platform only writes down has no status.
        if definition.spec.versions[0].subresources.is_some() {
            assert_described(&root["status"], &format!("{file}: status"));
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

/// `kubectl wait --for=jsonpath=…[0]…` waits while a list is absent, and fails at once on one without elements.
#[test]
fn a_list_without_elements_is_absent_from_a_status() {
    let participant = serde_json::to_value(VirtualParticipantStatus::default()).unwrap();
    let livestream = serde_json::to_value(LivestreamStatus::default()).unwrap();
    assert_eq!((participant, livestream), (serde_json::json!({}), serde_json::json!({})));
}

/// The API server prices rules by the bounds of what they look at, and stores what has none without end.
#[test]
fn every_list_map_and_string_of_a_status_is_bounded_and_so_is_every_list_of_a_spec() {
    for (file, definition) in understudy_crds::definitions() {
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        let root = &schema["openAPIV3Schema"]["properties"];
        assert_bounded(&root["spec"], &format!("{file}: spec"));
        assert_bounded(&root["status"], &format!("{file}: status"));
    }
}

fn assert_bounded(schema: &serde_json::Value, path: &str) {
    let is_bounded = match schema["type"].as_str().unwrap_or_default() {
        "array" => schema["maxItems"].is_u64(),
        "string" => ["maxLength", "enum", "format"].iter().any(|bound| !schema[bound].is_null()),
        "object" if schema["additionalProperties"].is_object() => schema["maxProperties"].is_u64(),
        _ => true,
    };
    assert!(is_bounded, "{path} has no bound");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        assert_bounded(property, &format!("{path}.{name}"));
    }
    for part in ["items", "additionalProperties"].iter().filter(|part| schema[**part].is_object()) {
        assert_bounded(&schema[*part], &format!("{path}[]"));
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
        let text = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        let told = ["change is live", "restarts the pod", "Immutable"].iter().any(|word| text.contains(word));
        assert!(told, "{path}.{name} does not say whether a change is live: {text:?}");
        // Kubernetes' own type, in Kubernetes' own words: the field that holds it says it for all of it.
        if name == "affinity" {
            continue;
        }
        assert_says_what_a_change_does(property, &format!("{path}.{name}"));
    }
}
