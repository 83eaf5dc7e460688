//! Sums that are counted anew.

use crate::process::Home;

#[test]
fn each_workspace_is_counted_anew_and_named() {
    let home = Home::new();
    for name in ["Acme", "Bolt"] {
        let args = ["tenant", "create", "--name", name, "--owner-email", &format!("owner@{name}.example")];
        let (status, printed) = home.run("db", &args, "correct horse battery staple");
        assert!(status.success(), "{printed}");
    }
    let (status, printed) = home.run("db", &["recount"], "");
    assert!(status.success(), "{printed}");
    for name in ["Acme", "Bolt"] {
        assert!(printed.contains(&format!("counted anew: {name}")), "{printed}");
    }
}
