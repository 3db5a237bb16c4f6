//! The stacks that sequences play with: knobs, and the stack file that their positions make.
//!
//! Decides what can change from one apply to the next: what is there, what changes in place, what is made anew, what
//! has a name of the user's own. Position 0 is always the plainest, so that sequences shrink towards nothing. An example takes the place of
//! all knobs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use neap_core::config::{self, Loaded, Options, Source};

use crate::example;

/// The name of each knob, and how many positions it has.
pub(crate) const KNOBS: [(&str, u8); 29] = [
    ("tags", 3),
    ("insights", 2),
    ("repository", 5),
    ("own_group", 4),
    ("side", 2),
    ("role", 4),
    ("firewall", 4),
    ("group", 4),
    ("health", 2),
    ("balancer", 5),
    ("listener", 4),
    ("rule", 4),
    ("one", 6),
    ("two", 5),
    ("site", 5),
    ("network", 5),
    ("metal", 5),
    ("three", 4),
    ("bucket", 4),
    ("gate", 4),
    ("scaling", 5),
    ("certificate", 4),
    ("domain", 3),
    ("function", 4),
    ("classic", 5),
    ("namespace", 5),
    ("discovery", 5),
    ("connect", 5),
    ("reaches", 3),
];

/// The position of each knob.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Knobs {
    positions: [u8; KNOBS.len()],
    /// The example in their place, and which of its edits is made; none of them where that is 0.
    example: Option<(usize, u8)>,
}

impl Knobs {
    /// Turns one knob.
    pub(crate) fn turn(&mut self, knob: usize, position: u8) {
        self.positions[knob] = position % KNOBS[knob].1;
    }

    /// Puts an example, after one of its edits, in the place of all knobs, or takes it away.
    pub(crate) fn show(&mut self, example: Option<(usize, u8)>) {
        self.example = example;
    }

    fn at(&self, name: &str) -> u8 {
        let knob = KNOBS.iter().position(|(knob, _)| *knob == name).expect(name);
        self.positions[knob]
    }

    /// What the stack file asks for, in an environment.
    pub(crate) fn load(&self, environment: Option<&str>) -> Loaded {
        if let Some((example, edit)) = self.example {
            return example::ALL[example].load(edit, environment);
        }
        let text = self.text();
        let code = if self.at("function") == 2 { "other" } else { "event" };
        let code = format!("function handler(event) {{ return {code}.request; }}");
        let options = Options {
            environment: environment.map(str::to_owned),
            files: Some(BTreeMap::from([("edge.js".to_owned(), Ok(code.into_bytes()))])),
            ..Options::default()
        };
        let source = Source { name: "stack.toml", bytes: text.as_bytes() };
        config::load(&source, &options).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
    }

    /// The stack file.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("[stack]\nname = \"course\"\nregion = \"eu-west-1\"\n");
        text.push_str(
            ["", "tags = { team = \"web\" }\n", "tags = { team = \"api\", cost = \"7\" }\n"]
                [self.pick("tags")],
        );
        text.push_str("[var.pass]\ndefault = \"correct-horse\"\nsensitive = true\n[cluster.main]\n");
        text.push_str(["", "container_insights = \"enabled\"\n"][self.pick("insights")]);
        text.push_str("[env.prod.cluster.main]\ncontainer_insights = \"enhanced\"\n");
        let private = "private = true\nnat = \"one\"\nendpoints = [\"s3\", \"logs\"]\n";
        match self.at("network") {
            0 => {}
            1 => text.push_str("[network]\ncidr = \"10.0.0.0/16\"\n"),
            2 => text.push_str("[network]\ncidr = \"10.1.0.0/16\"\n"),
            3 => _ = write!(text, "[network]\ncidr = \"10.0.0.0/16\"\n{private}"),
            _ => {
                _ = write!(text, "[network]\ncidr = \"10.1.0.0/16\"\n{}", private.replace("one", "per_zone"));
            }
        }
        self.storage(&mut text);
        self.identity(&mut text);
        self.balancing(&mut text);
        self.gate(&mut text);
        self.classic(&mut text);
        self.names(&mut text);
        self.namespace(&mut text);
        self.services(&mut text);
        self.metal(&mut text);
        self.site(&mut text);
        text
    }

    fn pick(&self, name: &str) -> usize {
        usize::from(self.at(name))
    }

    fn storage(&self, text: &mut String) {
        text.push_str(
            [
                "",
                "[ecr.api]\nkeep_images = 5\n",
                "[ecr.api]\nkeep_images = 9\n",
                "[ecr.api]\nencryption = \"KMS\"\n",
                "[ecr.api]\nname = \"my-own\"\n[env.prod.ecr.api]\nname = \"my-own-prod\"\n",
            ][self.pick("repository")],
        );
        let group = [
            "",
            "[log_group.own]\nretention = 7\n",
            "[log_group.own]\nname = \"/my/own\"\nretention = 7\n[env.prod.log_group.own]\nname = \"/my/own-prod\"\n",
            "[log_group.own]\nname = \"/my/own\"\nretention = 30\n[env.prod.log_group.own]\nname = \"/my/own-prod\"\n",
        ];
        text.push_str(group[self.pick("own_group")]);
        text.push_str(["", "[cluster.side]\n"][self.pick("side")]);
        let lifecycle = "lifecycle = [{ prefix = \"logs/\", expire_days = 30 }]\n";
        let cors = "cors = [{ origins = [\"https://example.com\"], methods = [\"PUT\"] }]\n";
        match self.at("bucket") {
            0 => {}
            1 => text.push_str("[bucket.web]\n"),
            2 => _ = write!(text, "[bucket.web]\nversioning = true\n{lifecycle}"),
            _ => _ = write!(text, "[bucket.web]\n{cors}"),
        }
    }

    /// A network load balancer with a group of its own.
    fn gate(&self, text: &mut String) {
        let (balancer, port) = [
            ("", 0),
            ("scheme = \"internal\"\n", 6379),
            ("scheme = \"internal\"\ncross_zone = true\n", 6380),
            ("name = \"gate\"\n[env.prod.nlb.gate]\nname = \"gate-prod\"\n", 6379),
        ][self.pick("gate")];
        if port > 0 {
            _ = write!(text, "[target_group.lines]\nport = 6379\nprotocol = \"TCP\"\n[nlb.gate]\n{balancer}");
            let idle = if port == 6380 { "idle_timeout = 600\n" } else { "" };
            _ = write!(text, "[nlb.gate.listener.lines]\nport = {port}\nforward = \"lines\"\n{idle}");
        }
    }

    /// A classic load balancer, for what runs on instances.
    fn classic(&self, text: &mut String) {
        let changed = "idle_timeout = 120\nhealth_check = { path = \"/health\" }\n";
        let (balancer, port) = [
            ("", 0),
            ("", 80),
            (changed, 81),
            ("scheme = \"internal\"\n", 80),
            ("name = \"old\"\n[env.prod.clb.old]\nname = \"old-prod\"\n", 80),
        ][self.pick("classic")];
        if port > 0 {
            _ = write!(
                text,
                "[clb.old]\n{balancer}[clb.old.listener.plain]\nport = {port}\ninstance_port = 8080\n"
            );
            if self.at("certificate") > 1 {
                text.push_str(
                    "[clb.old.listener.https]\nport = 443\ninstance_port = 8080\ncertificate = \"site\"\n",
                );
            }
        }
    }

    /// A certificate, the listener that has it, and a name.
    fn names(&self, text: &mut String) {
        let more = ["", "", "alternative_names = [\"*.example.com\"]\n", ""][self.pick("certificate")];
        if self.at("certificate") > 0 {
            _ = write!(text, "[certificate.site]\ndomain = \"example.com\"\n{more}");
        }
        if self.at("certificate") > 1 && self.at("balancer") > 0 {
            text.push_str("[alb.public.listener.https]\nport = 443\ncertificate = \"site\"\n");
            text.push_str("default = { fixed_response = { status = 404 } }\n");
        }
        let balancers = [("alb.public", self.at("balancer")), ("clb.old", self.at("classic"))];
        let target = balancers.iter().find(|(_, position)| *position > 0);
        if let (Some((target, _)), 1..) = (target, self.at("domain")) {
            let name = ["", "api", "www"][self.pick("domain")];
            _ = write!(text, "[domain.api]\nname = \"{name}.example.com\"\ntarget = \"{target}\"\n");
            _ = write!(text, "[env.prod.domain.api]\nname = \"{name}.prod.example.com\"\n");
        }
    }

    /// A cluster on instances of its own, and what runs there.
    fn metal(&self, text: &mut String) {
        let capacity = [
            "",
            "instance_type = \"t3.micro\", min = 1, max = 2",
            "instance_type = \"t3.small\", min = 1, max = 2",
            "instance_type = \"t3.micro\", min = 1, max = 3",
            "instance_type = \"t3.micro\", min = 1, max = 2, spot = true",
        ][self.pick("metal")];
        if capacity.is_empty() {
            return;
        }
        _ = write!(text, "[cluster.metal]\ncapacity = {{ {capacity} }}\n");
        let (image, service) =
            [("", ""), ("v1", ""), ("v2", ""), ("v1", "strategy = \"daemon\"\n")][self.pick("three")];
        if image.is_empty() {
            return;
        }
        let (ports, target) = match self.at("classic") {
            0 => ("", ""),
            _ => ("ports = [{ port = 3000, host_port = 8080 }]\n", "target = { clb = \"old\" }\n"),
        };
        _ = write!(
            text,
            "[task.three]\nmemory = 200\n[task.three.container.app]\nimage = \"nginx:{image}\"\n{ports}"
        );
        _ = write!(text, "[service.three]\ncluster = \"metal\"\ntask = \"three\"\n{service}{target}");
    }

    fn identity(&self, text: &mut String) {
        let statement = "[[role.run.statement]]\nactions = [\"s3:GetObject\"]\nresources = [\"*\"]\n";
        match self.at("role") {
            0 => {}
            1 => _ = write!(text, "[role.run]\n{statement}"),
            2 => _ = write!(text, "[role.run]\ndescription = \"runs\"\n{statement}"),
            _ => text.push_str("[role.run]\nmanaged_policies = [\"AmazonS3ReadOnlyAccess\"]\n"),
        }
        let rules = |port: u16| format!("ingress = [{{ port = {port}, peer = \"10.0.0.0/8\" }}]\n");
        match self.at("firewall") {
            0 => {}
            1 => _ = write!(text, "[security_group.wall]\n{}", rules(80)),
            2 => _ = write!(text, "[security_group.wall]\n{}", rules(443)),
            _ => text.push_str("[security_group.wall]\negress = [{ port = 443, peer = \"0.0.0.0/0\" }]\n"),
        }
    }

    fn balancing(&self, text: &mut String) {
        let group = ["", "port = 3000", "port = 4000", "name = \"mine\"\nport = 3000"][self.pick("group")];
        if !group.is_empty() {
            let slow = ["", "slow_start = 60\n"][self.pick("health")];
            _ = write!(text, "[target_group.api]\n{group}\nderegistration_delay = 30\n{slow}");
            if self.at("group") == 3 {
                text.push_str("[env.prod.target_group.api]\nname = \"mine-prod\"\n");
            }
        }
        if self.at("balancer") == 0 {
            return;
        }
        let balancer = [
            "",
            "[alb.public]\n",
            "[alb.public]\nidle_timeout = 120\n",
            "[alb.public]\nscheme = \"internal\"\n",
            "[env.prod.alb.public]\nname = \"chosen-prod\"\n[alb.public]\nname = \"chosen\"\n",
        ];
        text.push_str(balancer[self.pick("balancer")]);
        let (name, port, forwards) =
            [("http", 80, false), ("http", 8080, false), ("web", 80, false), ("http", 80, true)]
                [self.pick("listener")];
        let default = if forwards && self.at("group") > 0 {
            "{ forward = \"api\" }"
        } else {
            "{ fixed_response = { status = 404 } }"
        };
        _ = write!(text, "[alb.public.listener.{name}]\nport = {port}\ndefault = {default}\n");
        let (priority, path) = [(10, ""), (10, "/api/*"), (10, "/v2/*"), (20, "/api/*")][self.pick("rule")];
        if !path.is_empty() && self.at("group") > 0 {
            _ = write!(text, "[[alb.public.listener.{name}.rule]]\npriority = {priority}\n");
            _ = write!(text, "when = {{ path = [\"{path}\"] }}\nforward = \"api\"\n");
        }
    }

    /// Whether something leads from a load balancer to the target group.
    fn is_reachable(&self) -> bool {
        let leads = self.at("listener") == 3 || self.at("rule") > 0;
        self.at("group") > 0 && self.at("balancer") > 0 && leads
    }

    fn services(&self, text: &mut String) {
        let (image, count, walled) = [
            ("", 0, false),
            ("v1", 1, false),
            ("v2", 1, false),
            ("v1", 3, false),
            ("v1", 0, false),
            ("v1", 1, true),
        ][self.pick("one")];
        if !image.is_empty() {
            _ = write!(text, "[task.one]\n{}", if self.at("role") > 0 { "role = \"run\"\n" } else { "" });
            let registry = if self.at("repository") > 0 { "${ecr.api}" } else { "nginx" };
            _ = write!(text, "[task.one.container.app]\nimage = \"{registry}:{image}\"\nport = 3000\n");
            text.push_str("env = { PASS = \"${var.pass}\" }\n");
            _ = write!(text, "[service.one]\ncluster = \"main\"\ntask = \"one\"\ncount = {count}\n");
            if self.is_reachable() {
                text.push_str("target = { group = \"api\" }\n");
            }
            if walled && self.at("firewall") > 0 {
                text.push_str("security_groups = [\"wall\"]\n");
            }
            self.asks(text);
            text.push_str(
                [
                    "",
                    "[service.one.scaling]\nmin = 0\nmax = 4\ncpu = 60\n",
                    "[service.one.scaling]\nmin = 0\nmax = 6\nmemory = 70\n",
                    "[service.one.scaling]\nmin = 0\nmax = 4\nschedule.night = { when = \"cron(0 22 * * ? *)\", max = 2 }\n",
                    "[service.one.scaling]\nmin = 0\nmax = 4\nstep.idle = { metric = \"cpu\", below = 10, by = -1 }\n",
                ][self.pick("scaling")],
            );
        }
        let (image, side) =
            [("", false), ("v1", false), ("v2", false), ("v1", true), ("v2", true)][self.pick("two")];
        if !image.is_empty() {
            let group = if self.at("own_group") > 0 { "log_group = \"own\"\n" } else { "" };
            let cluster = if side && self.at("side") > 0 { "side" } else { "main" };
            _ = write!(text, "[task.two]\n{group}[task.two.container.app]\nimage = \"nginx:{image}\"\n");
            text.push_str("ports = [{ port = 5000, name = \"http\", app_protocol = \"http\" }]\n");
            _ = write!(text, "[service.two]\ncluster = \"{cluster}\"\ntask = \"two\"\n");
            self.is_found(text);
        }
    }

    /// The namespace in which services find each other.
    fn namespace(&self, text: &mut String) {
        let (name, more) = [
            ("", ""),
            ("", ""),
            ("shop.internal", ""),
            ("shop.internal", "description = \"the shop\"\nsoa_ttl = 30\n"),
            ("other.internal", ""),
        ][self.pick("namespace")];
        if self.at("namespace") > 0 {
            text.push_str("[namespace.main]\n");
        }
        if !name.is_empty() {
            _ = write!(text, "type = \"private_dns\"\nname = \"{name}\"\n{more}");
            _ = write!(text, "[env.prod.namespace.main]\nname = \"prod.{name}\"\n");
        }
    }

    /// Whether the service `two` has a name in DNS, and whether it has one of Service Connect.
    fn names_of_two(&self) -> (bool, bool) {
        let namespace = self.at("namespace");
        (namespace > 1 && self.at("discovery") > 0, namespace > 0 && self.at("connect") > 0)
    }

    /// How the service `two` is found.
    fn is_found(&self, text: &mut String) {
        let (in_dns, connected) = self.names_of_two();
        if in_dns {
            let more = [
                "",
                "name = \"found\"",
                "name = \"found\", ttl = 60",
                "name = \"found\", record = \"SRV\"",
                "name = \"sought\"",
            ][self.pick("discovery")];
            _ = writeln!(text, "discovery = {{ {more} }}");
        }
        if connected {
            let more = [
                "",
                "serve = {}",
                "serve = { alias_port = 80, request_timeout = 15 }",
                "serve = { as = \"other\" }",
                "serve = {}, logs = true",
            ][self.pick("connect")];
            _ = writeln!(text, "connect = {{ {more} }}");
        }
    }

    /// How the service `one` asks the other.
    fn asks(&self, text: &mut String) {
        let (in_dns, connected) = self.names_of_two();
        if self.at("reaches") > 0 && connected {
            text.push_str("connect = {}\n");
        }
        if self.at("reaches") == 1 && self.at("two") > 0 && (in_dns || connected) {
            text.push_str("reaches = [\"two\"]\n");
        }
    }

    fn site(&self, text: &mut String) {
        if self.at("function") > 0 {
            let name = ["", "", "", "name = \"edge\"\n[env.prod.function.edge]\nname = \"edge-prod\"\n"];
            _ = write!(text, "[function.edge]\ncode = \"edge.js\"\n{}", name[self.pick("function")]);
        }
        let balanced = self.at("balancer") > 0 && self.at("balancer") != 3;
        let origin = match self.at("site") {
            0 => return,
            1 => "https://example.com",
            2 => "https://other.example.com",
            3 if balanced => "alb.public",
            4 if self.at("bucket") > 0 => "bucket.web",
            _ => "https://example.com",
        };
        _ = write!(text, "[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"{origin}\"\n");
        if self.at("function") > 0 {
            text.push_str("function = { viewer_request = \"edge\" }\n");
        }
    }
}
