//! The operator's own program, as a process of its own, with the rights that the chart gives it.

use super::{RELEASE, SYSTEM, World, free_port, kubeconfig};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::NamedTempFile;

/// Ends with the test, however that ends.
pub struct Program {
    child: Child,
    admin: u16,
    _kubeconfig: NamedTempFile,
}

impl Program {
    /// One more replica, of the program at that path, with its settings as they are by themselves.
    #[allow(clippy::disallowed_methods, reason = "the operator is a program")]
    pub fn start(world: &World, program: &Path, name: &str) -> Self {
        let (rights, admin) = (Self::rights(), free_port());
        let child = Command::new(program)
            .env("KUBECONFIG", rights.path())
            .args(Self::settings(world, name, admin))
            .args(["--log-format", "text", "--log", "warn,understudy_operator::lease=info"])
            .stdout(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { child, admin, _kubeconfig: rights }
    }

    /// The administrator's kubeconfig, who acts as the ServiceAccount of the chart.
    pub fn rights() -> NamedTempFile {
        let text = std::fs::read_to_string(kubeconfig()).unwrap();
        let mut config: serde_json::Value = serde_yaml_ng::from_str(&text).unwrap();
        let user = &mut config["users"][0]["user"];
        user["as"] = format!("system:serviceaccount:{SYSTEM}:{RELEASE}-operator").into();
        user["as-groups"] = vec!["system:serviceaccounts", "system:authenticated"].into();
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config.to_string()).unwrap();
        file
    }

    /// As the chart's; `admin` is the port of its figures.
    pub fn settings(world: &World, name: &str, admin: u16) -> Vec<String> {
        let local = |port: u16| format!("127.0.0.1:{port}");
        let settings = [
            ("--namespace", SYSTEM.to_owned()),
            ("--pod-name", name.to_owned()),
            ("--pod-ip", "10.99.0.7".to_owned()),
            ("--link-address", local(world.port)),
            ("--link-listen", local(world.port)),
            ("--link-service", format!("{RELEASE}-operator-link")),
            ("--api-listen", local(world.api_port)),
            ("--admin-listen", local(admin)),
            ("--lease", format!("{RELEASE}-operator")),
            ("--authority-secret", format!("{RELEASE}-operator-authority")),
        ];
        settings.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
    }

    /// By SIGKILL: it says nothing more to anybody.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[allow(dead_code, reason = "measurements use it")]
impl Program {
    /// As SIGTERM does.
    #[allow(clippy::disallowed_methods, reason = "kill is a program")]
    pub fn terminate(&mut self) {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap();
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What its figure says, summed over all that begins so.
    #[allow(clippy::disallowed_methods, reason = "tests run curl")]
    pub fn figure(&self, begins: &str) -> f64 {
        let url = format!("http://127.0.0.1:{}/metrics", self.admin);
        let told = Command::new("curl").args(["--silent", "--fail", &url]).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let values = told.lines().filter(|line| line.starts_with(begins));
        values.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
