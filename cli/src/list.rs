//! `list`: participants in a table, or as the objects that they are.

use crate::args::{Form, List};
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::row::{HEAD, WIDE, row, wide};
use crate::table;
use crate::tell;
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Value, json};
use understudy_crds::GROUP;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Lists those that match.
pub async fn run(cluster: &Cluster, args: &List) -> Result<(), Failure> {
    let all = cluster.list(&args.which).await?;
    if all.is_empty() && matches!(args.output, Form::Table | Form::Wide | Form::Name) {
        match args.which.all_namespaces {
            true => tell::progress("there are no participants that match"),
            false => tell::progress(&format!(
                "there are no participants that match in the namespace {}",
                cluster.namespace
            )),
        }
        return Ok(());
    }
    tell::answer(text(&all, args, Timestamp::now())?.trim_end())
}

fn text(all: &[VirtualParticipant], args: &List, now: Timestamp) -> Result<String, Failure> {
    match args.output {
        Form::Table | Form::Wide => Ok(columns(all, args, now)),
        Form::Name => {
            let names = all
                .iter()
                .map(|participant| format!("virtualparticipant.{GROUP}/{}", participant.name_any()));
            Ok(names.collect::<Vec<_>>().join("\n"))
        }
        Form::Json => serde_json::to_string_pretty(&objects(all)).map_err(|error| unwritable(&error)),
        Form::Yaml => serde_yaml_ng::to_string(&objects(all)).map_err(|error| unwritable(&error)),
    }
}

fn columns(all: &[VirtualParticipant], args: &List, now: Timestamp) -> String {
    let (everywhere, is_wide) = (args.which.all_namespaces, args.output == Form::Wide);
    let namespace = everywhere.then_some("NAMESPACE").into_iter();
    let head: Vec<&str> = namespace.chain(HEAD).chain(WIDE.into_iter().filter(|_| is_wide)).collect();
    let rows = all.iter().map(|participant| {
        let mut cells: Vec<String> =
            everywhere.then(|| participant.namespace().unwrap_or_default()).into_iter().collect();
        cells.extend(row(participant, now));
        if is_wide {
            cells.extend(wide(participant));
        }
        cells
    });
    table::render(&head, &rows.collect::<Vec<_>>())
}

/// As `kubectl get` writes them.
fn objects(all: &[VirtualParticipant]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": all})
}

fn unwritable(error: &dyn std::error::Error) -> Failure {
    Failure::Unusable(format!("the participants cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Which;
    use crate::standing::tests::{ada, invited};

    fn listed(output: Form, all_namespaces: bool) -> String {
        let args = List { which: Which { all_namespaces, selector: None }, output };
        let now = "2026-01-01T00:05:00Z".parse().unwrap();
        text(&[ada(&invited("a"), &json!({"phase": "Published"}))], &args, now).unwrap()
    }

    #[test]
    fn a_list_has_the_form_that_is_asked_for() {
        assert_eq!(
            listed(Form::Table, false),
            "NAME   PHASE       READY   INVITATION   POD   AGE\nada    Published   -       a            -     5m"
        );
        assert!(listed(Form::Table, true).starts_with("NAMESPACE   NAME"));
        assert!(listed(Form::Wide, false).lines().next().unwrap().ends_with("LAST OUTCOME   REASON"));
        assert_eq!(listed(Form::Name, false), "virtualparticipant.understudy.dev/ada");
    }

    #[test]
    fn objects_are_lists_that_kubectl_reads() {
        let json: Value = serde_json::from_str(&listed(Form::Json, false)).unwrap();
        let yaml: Value = serde_yaml_ng::from_str(&listed(Form::Yaml, false)).unwrap();
        assert_eq!(json, yaml);
        assert_eq!(
            (&json["kind"], &json["items"][0]["kind"]),
            (&json!("List"), &json!("VirtualParticipant"))
        );
        assert_eq!(json["items"][0]["spec"]["invitation"]["id"], "a");
    }
}
