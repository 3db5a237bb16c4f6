//! Regions of AWS: what a text is that should name one.
//!
//! Decides what is a slip of the pen and what may be a region that is newer than neap. Must not know where the text comes from.

/// The regions that there are, as botocore 1.44's `partitions.json` lists them. New ones come every few months.
const REGIONS: [&str; 47] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "me-west-1",
    "mx-central-1",
    "sa-east-1",
    "sa-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
];

/// How many letters a slip changes at most.
const SLIP: usize = 2;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Region {
    /// A region that there is.
    Known,
    /// What could be a newer region, with the one that is written nearly like it.
    Unknown(Option<&'static str>),
    /// What no region is called, with the one that was meant.
    Misspelt(&'static str),
    /// Nothing like a region.
    None,
}

impl Region {
    /// What `text` is.
    pub(crate) fn of(text: &str) -> Self {
        if REGIONS.contains(&text) {
            return Self::Known;
        }
        if !has_form(text) {
            return nearest(text).map_or(Self::None, Self::Misspelt);
        }
        let is_known = |word: &str| REGIONS.iter().any(|region| region.split('-').any(|known| known == word));
        let words = text.rsplit_once('-').map_or(text, |(words, _)| words);
        match nearest(text) {
            Some(near) if !words.split('-').all(is_known) => Self::Misspelt(near),
            near => Self::Unknown(near),
        }
    }
}

/// What to write instead of `text`, if no region can be called so.
pub(crate) fn help(text: &str) -> Option<String> {
    match Region::of(text) {
        Region::Known | Region::Unknown(_) => None,
        Region::Misspelt(near) => Some(format!("did you mean `{near}`?")),
        Region::None => Some("regions read like `ap-northeast-2` or `eu-west-1`".to_owned()),
    }
}

/// Whether `text` has the form of a region: `ap-northeast-2`, `us-gov-west-1`.
pub(crate) fn has_form(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    let [words @ .., number] = parts.as_slice() else { return false };
    words.len() >= 2
        && words.iter().all(letters)
        && !number.is_empty()
        && number.chars().all(|c| c.is_ascii_digit())
}

fn nearest(text: &str) -> Option<&'static str> {
    // What is longer is no slip, and comparing it would take long.
    if text.len() > 40 {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let distance = |region: &&'static str| (strsim::damerau_levenshtein(&text, region), *region);
    let nearest = REGIONS.iter().map(distance).min_by_key(|(distance, _)| *distance);
    nearest.filter(|(distance, _)| *distance <= SLIP).map(|(_, region)| region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_told_from_a_region_that_may_be_new() {
        let check = |text: &str, expected: Region| assert_eq!(Region::of(text), expected, "{text}");
        check("eu-west-1", Region::Known);
        check("eu-wst-1", Region::Misspelt("eu-west-1"));
        check("eu-wets-1", Region::Misspelt("eu-west-1"));
        check("ap-norteast-2", Region::Misspelt("ap-northeast-2"));
        check("eo-west-3", Region::Misspelt("eu-west-3"));
        check("eu-west1", Region::Misspelt("eu-west-1"));
        check("EU-west-1", Region::Misspelt("eu-west-1"));
        check("eu-west-4", Region::Unknown(Some("eu-west-1")));
        check("af-north-1", Region::Unknown(Some("af-south-1")));
        check("mars-olympus-1", Region::Unknown(None));
        check("europe", Region::None);
        check("", Region::None);
        check(&"x".repeat(10_000), Region::None);
    }
}
