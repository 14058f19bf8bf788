//! The Kubernetes API of Understudy: types and the rules that the API server enforces, no behaviour.
//!
//! `generated/` holds the same as YAML (`kubectl apply -f crds/generated`), compared by `tests/generated.rs`.

pub mod condition;

pub mod v1alpha1;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

/// The API group.
pub const GROUP: &str = "understudy.dev";

/// The `type` of the Secret that holds a participant's access tokens.
pub const ACCESS_SECRET_TYPE: &str = "understudy.dev/access";

/// The `type` of the Secrets whose values are sent to stages and destinations; of no others are they.
pub const CREDENTIALS_SECRET_TYPE: &str = "understudy.dev/credentials";

/// The annotation of such a Secret that says to which hosts alone.
pub const ALLOWED_HOSTS: &str = "understudy.dev/allowed-hosts";

/// The annotation of a participant that has been invited with a token of its stage: for which invitation there is a Secret with
/// that token, which goes with it.
pub const STAGE_TOKEN: &str = "understudy.dev/stage-token";

/// The longest text in Kubernetes' own types: the key of a label is at most 317 characters.
const LONGEST_STRING: i64 = 512;
/// More than anybody writes into an affinity.
const LONGEST_LIST: i64 = 64;

/// The definitions, each with the name of its file below `generated/`.
///
/// No field is nullable: the API server then drops an explicit `null`, so that `has()` in a rule means what the types mean.
pub fn definitions() -> [(&'static str, CustomResourceDefinition); 3] {
    [
        ("virtualparticipants.yaml", strict(v1alpha1::VirtualParticipant::crd())),
        ("livestreams.yaml", strict(v1alpha1::Livestream::crd())),
        ("runtimeprofiles.yaml", bounded(strict(v1alpha1::RuntimeProfile::crd()))),
    ]
}

fn strict(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas = definition.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut());
    for schema in schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut()) {
        deny_null(schema);
        let properties = schema.properties.as_mut().and_then(|properties| properties.get_mut("status"));
        if let Some(status) = properties {
            status.default = Some(unseen());
            bound_conditions(status);
        }
    }
    definition
}

/// The status of an object that nobody has looked at: tools that find none take the object for ready. The time is fixed, for
/// a default has no other.
fn unseen() -> JSON {
    JSON(serde_json::json!({"conditions": [{
        "type": "Ready",
        "status": "Unknown",
        "reason": "Pending",
        "message": "waiting for the operator",
        "lastTransitionTime": "1970-01-01T00:00:00Z"
    }]}))
}

/// As Kubernetes bounds conditions of its own.
fn bound_conditions(status: &mut JSONSchemaProps) {
    let conditions = status.properties.as_mut().and_then(|properties| properties.get_mut("conditions"));
    let Some(JSONSchemaPropsOrArray::Schema(item)) = conditions.and_then(|list| list.items.as_mut()) else {
        return;
    };
    for (name, longest) in [("type", 316), ("status", 16), ("reason", 1024), ("message", 32768)] {
        if let Some(property) = item.properties.as_mut().and_then(|properties| properties.get_mut(name)) {
            property.max_length = Some(longest);
        }
    }
}

/// Kubernetes' own types come without bounds: what is not bounded by the field that holds them is bounded here.
fn bounded(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas = definition.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut());
    let roots = schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut());
    for spec in roots.filter_map(|root| root.properties.as_mut()?.get_mut("spec")) {
        bound(spec);
    }
    definition
}

fn bound(schema: &mut JSONSchemaProps) {
    match schema.type_.as_deref() {
        Some("string") if schema.enum_.is_none() => _ = schema.max_length.get_or_insert(LONGEST_STRING),
        Some("array") => _ = schema.max_items.get_or_insert(LONGEST_LIST),
        _ => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        schema.max_properties.get_or_insert(LONGEST_LIST);
        bound(values);
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        bound(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        bound(items);
    }
}

fn deny_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        deny_null(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        deny_null(items);
    }
}
