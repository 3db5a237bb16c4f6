//! `neap output`: values of what is live, for people and for scripts.

use std::collections::BTreeMap;

use neap_core::address::Address;
use neap_core::config::Loaded;
use neap_core::desired::DesiredResource;
use neap_core::live::{Live, Outputs};
use neap_core::outputs;
use neap_core::reference::{self, Fact, Reference, Resolved};

use crate::account;
use crate::args::OutputArguments;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::nearest::nearest;
use crate::render::value::{self, is_sensitive};
use crate::render::{json, style, summary};
use crate::session::Session;
use crate::signals::unless_interrupted;

/// Prints all outputs, or the one that is named and nothing else.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &OutputArguments,
) -> Result<Exit, CommandError> {
    let loaded = session.load_without_files()?;
    let reading = async {
        let cloud = session.cloud(loaded.desired.region.as_deref()).await?;
        session.live(&cloud, &loaded.desired).await
    };
    let live = session.runtime()?.block_on(unless_interrupted(reading))??;
    account::guard(&loaded.desired, &live.environment.account)?;
    let values = Values::of(&loaded, &live);
    let Some(name) = &arguments.name else {
        let shown = if session.global.json { json::pretty(&values.known()) } else { values.text() };
        session.ui.out(&shown);
        return Ok(Exit::Done);
    };
    let value = values.find(name)?;
    let shown = if session.global.json { json::line(&value) } else { format!("{value}\n") };
    session.ui.out(&shown);
    Ok(Exit::Done)
}

/// Every output by name. What is not known yet still holds references.
struct Values {
    /// The stack's own, and its URL unless one of them has that name.
    own: BTreeMap<String, String>,
    /// Those of live resources, after their addresses.
    resources: BTreeMap<String, String>,
}

impl Values {
    fn of(loaded: &Loaded, live: &Live) -> Self {
        let desired = &loaded.desired;
        let outputs = |(address, resource): (&Address, &DesiredResource)| {
            let mut values = outputs::computed(&resource.resource, &live.environment);
            values.extend(live.present(address)?.outputs.clone());
            Some((address.clone(), values))
        };
        let resources: BTreeMap<Address, Outputs> = desired.resources.iter().filter_map(outputs).collect();
        let resolve = |reference: &Reference| resolved(reference, &resources, live);
        let own = desired.outputs.iter();
        let own = own.map(|(name, value)| (name.clone(), reference::substitute_text(value, &resolve)));
        let url = summary::url(&resources).map(|url| ("url".to_owned(), url));
        let of_resources = resources.iter().flat_map(|(address, outputs)| {
            outputs.iter().map(move |(name, value)| (format!("{address}.{name}"), value.clone()))
        });
        Self { own: url.into_iter().chain(own).collect(), resources: of_resources.collect() }
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.own.iter().chain(&self.resources).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn known(&self) -> BTreeMap<&str, &str> {
        self.all().filter(|(_, value)| reference::in_text(value).is_empty()).collect()
    }

    fn text(&self) -> String {
        let line = |(name, value): (&str, &str)| {
            let is_known = reference::in_text(value).is_empty();
            let shown = if is_known { value.to_owned() } else { value::inline(&value.into()) };
            format!("{} = {shown}\n", style::paint(style::NAME, name))
        };
        let text: String = self.all().map(line).collect();
        if text.is_empty() { "Nothing of the stack is live\n".to_owned() } else { text }
    }

    /// The value called `name`, if it is known and may be seen.
    fn find(&self, name: &str) -> Result<&str, CommandError> {
        let default = name.parse::<Address>().ok();
        let default = default.map(|it| format!("{it}.{}", outputs::default_name(it.kind())));
        let found = self.own.get(name).or_else(|| self.resources.get(default.as_deref().unwrap_or(name)));
        let Some(value) = found else {
            let error = CommandError::invalid(format!("there is no output `{name}`"));
            return Err(match nearest(name, self.all().map(|(known, _)| known)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => {
                    error.hint("`neap output` lists what there is; resources have outputs once they are live")
                }
            });
        };
        if is_sensitive(value) {
            let message = format!("`{name}` holds a sensitive variable, so it is not printed");
            return Err(CommandError::failed(message));
        }
        if let Some(missing) = reference::in_text(value).first() {
            return Err(CommandError::failed(format!("`{name}` is not known yet: it needs `{missing}`"))
                .hint("run `neap apply` first"));
        }
        Ok(value)
    }
}

fn resolved(reference: &Reference, resources: &BTreeMap<Address, Outputs>, live: &Live) -> Resolved {
    let environment = &live.environment;
    let value = match reference {
        Reference::Output(address, output) => resources.get(address).and_then(|outputs| outputs.get(output)),
        Reference::Secret(name) => environment.secrets.get(name),
        Reference::Zone(zone) => environment.zones.get(&zone.to_string()),
        Reference::Fact(Fact::Account) => Some(&environment.account),
        Reference::Fact(Fact::Region) => Some(&environment.region),
        Reference::Fact(Fact::Partition) => Some(&environment.partition),
        Reference::Fact(Fact::Vpc) => environment.vpc.as_ref(),
        Reference::Fact(Fact::Zone(number)) => environment.zone(*number),
        Reference::Fact(Fact::CloudfrontOrigins) => environment.cloudfront_origins.as_ref(),
        Reference::Fact(Fact::EcsImage(processor) | Fact::NewestEcsImage(processor)) => {
            environment.images.get(processor.as_str())
        }
        Reference::Fact(Fact::Subnets) => return Resolved::Many(environment.subnets.clone()),
        Reference::Variable(_) => None,
    };
    value.cloned().map_or(Resolved::Unknown, Resolved::One)
}
