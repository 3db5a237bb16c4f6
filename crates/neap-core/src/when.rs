//! When something is done: schedules in the form that Application Auto Scaling takes, moments, and the names of time zones.
//!
//! Decides what is well formed, by "Cron expressions reference" and "Rate expressions reference" of EventBridge, to which "Schedule
//! recurring scaling actions" refers. Must not know what time it is, nor what a time zone means.

use std::ops::RangeInclusive;

/// The names of IANA's database of time zones (release 2025b), old ones too, sorted. AWS takes those that Joda-Time knows
/// ("Schedule recurring scaling actions").
const TIME_ZONES: &str = include_str!("../data/time-zones.txt");

/// One of the six fields of a cron expression.
struct Field {
    what: &'static str,
    range: RangeInclusive<u32>,
    /// Names of values, from the start of the range.
    names: &'static [&'static str],
}

const MINUTE: Field = Field { what: "minute", range: 0..=59, names: &[] };
const HOUR: Field = Field { what: "hour", range: 0..=23, names: &[] };
const DAY: Field = Field { what: "day of the month", range: 1..=31, names: &[] };
const MONTH: Field = Field {
    what: "month",
    range: 1..=12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEKDAY: Field = Field {
    what: "day of the week",
    range: 1..=7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};
const YEAR: Field = Field { what: "year", range: 1970..=2199, names: &[] };

/// Why `expression` is no schedule, if it is none: `cron(…)`, `rate(…)` and `at(…)` are.
pub fn refusal(expression: &str) -> Option<String> {
    let inside = |word: &str| expression.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(fields) = inside("cron") {
        return cron(fields).err();
    }
    if let Some(rate) = inside("rate") {
        return self::rate(rate).err();
    }
    match inside("at") {
        Some(moment) if is_moment(moment) => None,
        Some(moment) => Some(format!("`{moment}` is no moment")),
        None => Some("it is none of `cron(…)`, `rate(…)` and `at(…)`".to_owned()),
    }
}

fn cron(text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [minute, hour, day, month, weekday, year] = fields.as_slice() else {
        return Err(format!("it has {} fields in place of six", fields.len()));
    };
    MINUTE.check(minute)?;
    HOUR.check(hour)?;
    MONTH.check(month)?;
    YEAR.check(year)?;
    match (*day, *weekday) {
        ("?", "?") => Err("of the two days one is `?`, and not both".to_owned()),
        ("?", weekday) => weekday.split(',').try_for_each(self::weekday),
        (day, "?") => day.split(',').try_for_each(self::day),
        _ => Err("one of the two days, of the month and of the week, is `?`".to_owned()),
    }
}

/// A part of the days of the month: also the last one, the last but some, and the weekday nearest to one.
fn day(part: &str) -> Result<(), String> {
    if matches!(part, "L" | "LW") {
        return Ok(());
    }
    let number = part.strip_prefix("L-").or_else(|| part.strip_suffix('W'));
    number.map_or_else(|| DAY.part(part), |number| DAY.value(number).map(drop))
}

/// A part of the days of the week: also the last one, and one of the five of a month.
fn weekday(part: &str) -> Result<(), String> {
    if let Some((day, number)) = part.split_once('#') {
        WEEKDAY.value(day)?;
        return match number.parse::<u32>() {
            Ok(1..=5) => Ok(()),
            _ => Err(format!("a month has no `{part}`")),
        };
    }
    match part.strip_suffix('L') {
        Some("") => Ok(()),
        Some(day) => WEEKDAY.value(day).map(drop),
        None => WEEKDAY.part(part),
    }
}

impl Field {
    fn check(&self, field: &str) -> Result<(), String> {
        field.split(',').try_for_each(|part| self.part(part))
    }

    /// A value, a range of them or all, maybe in steps.
    fn part(&self, part: &str) -> Result<(), String> {
        let (values, step) = part.split_once('/').map_or((part, None), |(values, step)| (values, Some(step)));
        if let Some(step) = step
            && !step.parse::<u32>().is_ok_and(|step| step > 0 && step <= *self.range.end())
        {
            return Err(format!("`{part}` goes on in no steps that a {} has", self.what));
        }
        match values.split_once('-') {
            _ if values == "*" => Ok(()),
            Some((from, to)) => self.value(from).and(self.value(to)).map(drop),
            None => self.value(values).map(drop),
        }
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().zip(self.range.clone());
        let mut named = named.filter(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| number);
        let number = named.next().or_else(|| text.parse().ok());
        let is_signed = text.starts_with('+');
        number.filter(|number| self.range.contains(number) && !is_signed).ok_or_else(|| {
            let (from, to) = (self.range.start(), self.range.end());
            format!("`{text}` is no {}, which are {from} to {to}", self.what)
        })
    }
}

fn rate(text: &str) -> Result<(), String> {
    let wrong = || format!("`{text}` is no rate");
    let (value, unit) = text.split_once(' ').ok_or_else(wrong)?;
    let value = value.parse::<u32>().ok().filter(|value| *value > 0).ok_or_else(wrong)?;
    let one = unit.strip_suffix('s').unwrap_or(unit);
    if !["minute", "hour", "day"].contains(&one) {
        return Err(wrong());
    }
    let plural = if value == 1 { "" } else { "s" };
    if unit == format!("{one}{plural}") {
        Ok(())
    } else {
        Err(format!("it is written `{value} {one}{plural}`"))
    }
}

/// Whether this is a moment like `2026-12-01T08:00:00`, of a day that there is.
pub fn is_moment(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00";
    let fits =
        |(letter, form): (char, char)| if form == '0' { letter.is_ascii_digit() } else { letter == form };
    if text.len() != FORM.len() || !text.chars().zip(FORM.chars()).all(fits) {
        return false;
    }
    let numbers: Vec<u32> = text.split(['-', 'T', ':']).filter_map(|number| number.parse().ok()).collect();
    let [year, month, day, hour, minute, second] = numbers.as_slice() else { return false };
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(day) && *hour < 24 && *minute < 60 && *second < 60
}

/// Whether a time zone has this name.
pub fn is_time_zone(name: &str) -> bool {
    time_zones().any(|zone| zone == name)
}

/// The names of all time zones.
pub fn time_zones() -> impl Iterator<Item = &'static str> {
    TIME_ZONES.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_have_the_forms_of_aws() {
        for right in [
            "cron(0 22 * * ? *)",
            "cron(0/15  * ? * MON-FRI *)",
            "cron(0/5 8-17 ? * mon,3,FRI 2026-2030/2)",
            "cron(0 8 L,15W,LW,L-3 JAN ? *)",
            "cron(0 8 ? 1,JUL 2#1 *)",
            "cron(0 8 ? * 6L *)",
            "rate(1 day)",
            "rate(30 minutes)",
            "at(2028-02-29T08:00:00)",
        ] {
            assert_eq!(refusal(right), None, "{right}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_told_with_its_reason() {
        for (wrong, expected) in [
            ("", "it is none of `cron(…)`, `rate(…)` and `at(…)`"),
            ("0 22 * * *", "it is none of `cron(…)`, `rate(…)` and `at(…)`"),
            ("cron(0 22 * * ?)", "it has 5 fields in place of six"),
            ("cron(99 6 * * ? *)", "`99` is no minute, which are 0 to 59"),
            ("cron(0 66 * * ? *)", "`66` is no hour, which are 0 to 23"),
            ("cron(+5 6 * * ? *)", "`+5` is no minute, which are 0 to 59"),
            ("cron(0 6 0 * ? *)", "`0` is no day of the month, which are 1 to 31"),
            ("cron(0 6 ? * 0 *)", "`0` is no day of the week, which are 1 to 7"),
            ("cron(0 6 ? * 2#6 *)", "a month has no `2#6`"),
            ("cron(0 6 ? JANUARY 2 *)", "`JANUARY` is no month, which are 1 to 12"),
            ("cron(0 6 * * ? 26)", "`26` is no year, which are 1970 to 2199"),
            ("cron(0 6, * * ? *)", "`` is no hour, which are 0 to 23"),
            ("cron(0/0 6 * * ? *)", "`0/0` goes on in no steps that a minute has"),
            ("cron(0 6 * * * *)", "one of the two days, of the month and of the week, is `?`"),
            ("cron(0 6 ? * ? *)", "of the two days one is `?`, and not both"),
            ("rate(0 days)", "`0 days` is no rate"),
            ("rate(1 week)", "`1 week` is no rate"),
            ("rate(day)", "`day` is no rate"),
            ("rate(1 days)", "it is written `1 day`"),
            ("rate(5 minute)", "it is written `5 minutes`"),
            ("at(2026-12-01)", "`2026-12-01` is no moment"),
            ("at(2026-12-01 08:00:00)", "`2026-12-01 08:00:00` is no moment"),
            ("at(2026-02-29T08:00:00)", "`2026-02-29T08:00:00` is no moment"),
            ("at(2026-13-01T08:00:00)", "`2026-13-01T08:00:00` is no moment"),
            ("at(2026-12-01T24:00:00)", "`2026-12-01T24:00:00` is no moment"),
            ("at(2026-12-01T08:00:00", "it is none of `cron(…)`, `rate(…)` and `at(…)`"),
        ] {
            assert_eq!(refusal(wrong).as_deref(), Some(expected), "{wrong}");
        }
    }

    #[test]
    fn time_zones_are_known_by_name() {
        for zone in ["UTC", "Europe/Dublin", "Etc/GMT+9", "Pacific/Tahiti", "US/Pacific"] {
            assert!(is_time_zone(zone), "{zone}");
        }
        for zone in ["", "Europe/Nowhere", "europe/dublin", "Europe Dublin", "Dublin"] {
            assert!(!is_time_zone(zone), "{zone}");
        }
    }
}
