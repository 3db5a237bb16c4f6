//! The traffic that goes with a deployment from one target group to another.
//!
//! Decides when it moves on the clock. Must not know what a deployment needs, nor what rules look like.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// When the traffic of a deployment moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shift {
    /// What moves.
    pub(crate) turns: Vec<Turn>,
    /// When it moves for those who test, for users, and when the old tasks have stayed long enough.
    pub(crate) test: Millis,
    pub(crate) production: Millis,
    pub(crate) baked: Millis,
    /// How far it has moved.
    pub(crate) moved: Moved,
}

/// How far traffic has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Moved {
    Nothing,
    Test,
    All,
}

/// Two groups that take turns, and what leads to them, all by ARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) production: String,
    pub(crate) test: Option<String>,
    /// The group that the traffic leaves, and the one that it goes to.
    pub(crate) from: String,
    pub(crate) to: String,
}

/// A listener or rule whose traffic goes to another group now.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) way: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Shift {
    /// What moves until `now` and has not moved yet.
    pub(crate) fn due(&mut self, now: Millis) -> Vec<Move> {
        let mut moves = Vec::new();
        let go = |turn: &Turn, way: &String| Move {
            way: way.clone(),
            from: turn.from.clone(),
            to: turn.to.clone(),
        };
        if self.test <= now && self.moved < Moved::Test {
            self.moved = Moved::Test;
            moves.extend(self.turns.iter().filter_map(|turn| Some(go(turn, turn.test.as_ref()?))));
        }
        if self.production <= now && self.moved < Moved::All {
            self.moved = Moved::All;
            moves.extend(self.turns.iter().map(|turn| go(turn, &turn.production)));
        }
        moves
    }

    /// The stage that a deployment is in, in ECS's words.
    pub(crate) const fn stage(&self, now: Millis) -> &'static str {
        if now < self.test {
            "SCALE_UP"
        } else if now < self.production {
            "POST_TEST_TRAFFIC_SHIFT"
        } else if now < self.baked {
            "BAKE_TIME"
        } else {
            "CLEAN_UP"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift() -> Shift {
        let turn = Turn {
            production: "users".into(),
            test: Some("testers".into()),
            from: "blue".into(),
            to: "green".into(),
        };
        Shift { turns: vec![turn], test: 10, production: 20, baked: 80, moved: Moved::Nothing }
    }

    fn ways(moves: &[Move]) -> Vec<&str> {
        moves.iter().map(|one| one.way.as_str()).collect()
    }

    #[test]
    fn tests_come_first_and_nothing_moves_twice() {
        let mut shift = shift();
        assert!(shift.due(9).is_empty());
        assert_eq!(ways(&shift.due(15)), ["testers"]);
        assert_eq!(ways(&shift.due(25)), ["users"]);
        assert!(shift.due(1000).is_empty());
        let late = super::tests::shift().due(1000);
        assert_eq!(ways(&late), ["testers", "users"]);
        assert_eq!((late[1].from.as_str(), late[1].to.as_str()), ("blue", "green"));
    }

    #[test]
    fn old_tasks_stay_until_they_have_baked() {
        let stages = [0, 10, 20, 79, 80].map(|now| shift().stage(now));
        assert_eq!(stages, ["SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "BAKE_TIME", "BAKE_TIME", "CLEAN_UP"]);
    }
}
