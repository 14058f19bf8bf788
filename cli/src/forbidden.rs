//! What somebody may not do, from what the API server's authorizer says: the verb, and on what. Pure.

/// In words of ours; what was refused for another reason (a quota, a policy) as the API server says it.
pub fn told(message: &str) -> String {
    parsed(message).unwrap_or_else(|| format!("the API server does not allow it: {message}"))
}

/// Of `… User "U" cannot VERB resource "R" in API group "G" in the namespace "N"`.
fn parsed(message: &str) -> Option<String> {
    let (user, rest) = quoted(message.split_once("User ")?.1)?;
    let (verb, rest) = rest.strip_prefix(" cannot ")?.split_once(" resource ")?;
    let (resource, rest) = quoted(rest)?;
    let (group, rest) = quoted(rest.strip_prefix(" in API group ")?)?;
    let on = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    let place = match rest.strip_prefix(" in the namespace ").and_then(quoted) {
        Some((namespace, _)) => format!("in the namespace {namespace}"),
        None => "in all namespaces".to_owned(),
    };
    Some(format!("{user} may not {verb} {on} {place}: ask for a role with the verb {verb} on it"))
}

/// What stands in quotes at the beginning, and what comes after.
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verb_and_what_it_is_on_are_told() {
        let said = concat!(
            r#"virtualparticipants.understudy.dev "ada" is forbidden: User "bob" cannot patch "#,
            r#"resource "virtualparticipants" in API group "understudy.dev" in the namespace "demo""#
        );
        assert_eq!(
            told(said),
            "bob may not patch virtualparticipants.understudy.dev in the namespace demo: ask for a role with the verb patch on it"
        );
        let everywhere = r#"pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope"#;
        assert!(told(everywhere).starts_with("bob may not list pods in all namespaces:"));
    }

    #[test]
    fn what_is_refused_for_another_reason_is_told_as_it_was_said() {
        for said in [r#"pods "ada" is forbidden: exceeded quota"#, r#"User "bob"#, ""] {
            assert_eq!(told(said), format!("the API server does not allow it: {said}"));
        }
    }
}
