//! `neap output`: values of what is live, for people and for scripts.

use std::collections::BTreeMap;

use neap_core::address::Address;
use neap_core::config::Loaded;
use neap_core::live::{Live, Outputs};
use neap_core::outputs;
use neap_core::reference::{self, Fact, Reference, Resolved};

use crate::args::OutputArguments;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::value::is_sensitive;
use crate::render::{json, style, summary};
use crate::session::Session;

/// Prints all outputs, or the one that is named and nothing else.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &OutputArguments,
) -> Result<Exit, CommandError> {
    let loaded = session.load()?;
    let live = session.runtime()?.block_on(async {
        let cloud = session.cloud(loaded.desired.region.as_deref()).await?;
        session.live(&cloud, &loaded.desired).await
    })?;
    let values = values(&loaded, &live);
    let Some(name) = &arguments.name else {
        let shown = if session.global.json { json::pretty(&known(&values)) } else { text(&values) };
        session.ui.out(&shown);
        return Ok(Exit::Done);
    };
    let value = find(&values, name)?;
    let shown = if session.global.json { json::line(&value) } else { format!("{value}\n") };
    session.ui.out(&shown);
    Ok(Exit::Done)
}

/// Every output by name: the stack's own, its URL, and those of its live resources. What is not known yet still
/// holds references.
fn values(loaded: &Loaded, live: &Live) -> BTreeMap<String, String> {
    let desired = &loaded.desired;
    let resources: BTreeMap<Address, Outputs> = desired
        .resources
        .iter()
        .filter_map(|(address, resource)| {
            let mut values = outputs::computed(&resource.resource, &live.environment);
            values.extend(live.present(address)?.outputs.clone());
            Some((address.clone(), values))
        })
        .collect();
    let resolve = |reference: &Reference| resolved(reference, &resources, live);
    let own = desired.outputs.iter();
    let own = own.map(|(name, value)| (name.clone(), reference::substitute_text(value, &resolve)));
    let url = summary::url(&resources).map(|url| ("url".to_owned(), url));
    let of_resources = resources.iter().flat_map(|(address, outputs)| {
        outputs.iter().map(move |(name, value)| (format!("{address}.{name}"), value.clone()))
    });
    // The stack's own come last, so that an output called `url` is the one that counts.
    of_resources.chain(url).chain(own).collect()
}

fn resolved(reference: &Reference, resources: &BTreeMap<Address, Outputs>, live: &Live) -> Resolved {
    let environment = &live.environment;
    let value = match reference {
        Reference::Output(address, output) => resources.get(address).and_then(|outputs| outputs.get(output)),
        Reference::Secret(name) => environment.secrets.get(name),
        Reference::Fact(Fact::Account) => Some(&environment.account),
        Reference::Fact(Fact::Region) => Some(&environment.region),
        Reference::Fact(Fact::Partition) => Some(&environment.partition),
        Reference::Fact(Fact::Vpc) => environment.vpc.as_ref(),
        Reference::Fact(Fact::Subnets) => return Resolved::Many(environment.subnets.clone()),
        Reference::Variable(_) => None,
    };
    value.cloned().map_or(Resolved::Unknown, Resolved::One)
}

fn known(values: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let known = values.iter().filter(|(_, value)| reference::in_text(value).is_empty());
    known.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn text(values: &BTreeMap<String, String>) -> String {
    if values.is_empty() {
        return "Nothing of the stack is live\n".to_owned();
    }
    let line = |(name, value): (&String, &String)| {
        let value = serde_json::Value::from(value.as_str());
        format!("{} = {}\n", style::paint(style::NAME, name), crate::render::value::inline(&value))
    };
    values.iter().map(line).collect()
}

/// The value called `name`, if it is known and may be seen.
fn find<'values>(
    values: &'values BTreeMap<String, String>,
    name: &str,
) -> Result<&'values str, CommandError> {
    let by_default = || {
        let address: Address = name.parse().ok()?;
        values.get(&format!("{address}.{}", outputs::default_name(address.kind())))
    };
    let Some(value) = values.get(name).or_else(by_default) else {
        let error = CommandError::invalid(format!("there is no output `{name}`"));
        return Err(match nearest(values, name) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => {
                error.hint("`neap output` lists what there is; resources have outputs once they are live")
            }
        });
    };
    let references = reference::in_text(value);
    if is_sensitive(value) {
        return Err(CommandError::failed(format!(
            "`{name}` holds a sensitive variable, so it is not printed"
        )));
    }
    if let Some(missing) = references.first() {
        return Err(CommandError::failed(format!("`{name}` is not known yet: it needs `{missing}`"))
            .hint("run `neap apply` first"));
    }
    Ok(value)
}

fn nearest<'values>(values: &'values BTreeMap<String, String>, name: &str) -> Option<&'values str> {
    let scored = values.keys().map(|known| (strsim::jaro_winkler(known, name), known.as_str()));
    let best = scored.max_by(|(left, _), (right, _)| left.total_cmp(right))?;
    (best.0 > 0.75).then_some(best.1)
}
