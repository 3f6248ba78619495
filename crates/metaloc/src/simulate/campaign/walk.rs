//! People's ways over a floor.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_radio::channel::{Obstacles, Place};
use rand::RngExt;

use super::config::PeopleConfig;

/// Draws of a place until the floor counts as full.
const DRAWS: usize = 1000;
/// Draws of where to go next until somebody stays.
const GOALS: usize = 20;

/// Straight ways with pauses: somebody is at `from` at time `start_s`, and arrives at `to` at `end_s`.
#[derive(Debug, Clone, Copy)]
struct Leg {
    start_s: f64,
    end_s: f64,
    from: Place,
    to: Place,
}

/// One person's way through time.
#[derive(Debug, Clone)]
pub(super) struct Walk(Vec<Leg>);

/// A free place of the floor at random; none if the floor is full.
pub(super) fn free_place(
    obstacles: &Obstacles,
    [low, high]: [Place; 2],
    clear_m: f64,
    rng: &mut ChaCha8Rng,
) -> Option<Place> {
    (0..DRAWS).find_map(|_| {
        let at = [0, 1].map(|axis| low[axis] + rng.random::<f64>() * (high[axis] - low[axis]));
        obstacles.is_free(at, clear_m).then_some(at)
    })
}

impl Walk {
    /// Somebody's way for so long (s); none if there is no room.
    pub(super) fn draw(
        obstacles: &Obstacles,
        extent: [Place; 2],
        config: &PeopleConfig,
        length_s: f64,
        rng: &mut ChaCha8Rng,
    ) -> Option<Self> {
        let clear_m = config.body.radius_m;
        let mut at = free_place(obstacles, extent, clear_m, rng)?;
        let (mut legs, mut now_s) = (Vec::new(), 0.0);
        while now_s < length_s {
            let goals = (0..GOALS).map(|_| free_place(obstacles, extent, clear_m, rng));
            let goal = goals.flatten().find(|goal| obstacles.is_clear(at, *goal)).unwrap_or(at);
            let speed = config.speed_m_per_s * rng.random_range(0.5..1.5);
            let way_s = (goal[0] - at[0]).hypot(goal[1] - at[1]) / speed;
            legs.push(Leg { start_s: now_s, end_s: now_s + way_s, from: at, to: goal });
            // Whoever has nowhere to go stays a while.
            now_s += way_s + (config.pause_s * rng.random::<f64>()).max(0.1);
            at = goal;
        }
        Some(Self(legs))
    }

    /// Where they are.
    pub(super) fn at(&self, time_s: f64) -> Place {
        let index = self.0.partition_point(|leg| leg.start_s <= time_s).saturating_sub(1);
        let Some(leg) = self.0.get(index) else { return [0.0, 0.0] };
        let share = ((time_s - leg.start_s) / (leg.end_s - leg.start_s).max(1e-9)).clamp(0.0, 1.0);
        [0, 1].map(|axis| leg.from[axis] + share * (leg.to[axis] - leg.from[axis]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaloc_meta::seed::{Purpose, stream};
    use metaloc_radio::channel::{FloorPlan, Material};

    #[test]
    fn people_stay_on_the_floor_and_keep_their_speed() {
        let plan = FloorPlan::room("r", [6.0, 4.0], Material::Brick);
        let (obstacles, config) = (plan.obstacles(), PeopleConfig::default());
        let mut rng = stream(1, Purpose::Simulation, 0, 0);
        let walk = Walk::draw(&obstacles, plan.extent(), &config, 60.0, &mut rng).unwrap();
        let mut last = walk.at(0.0);
        let mut moved = 0.0;
        for step in 1..=600 {
            let at = walk.at(0.1 * f64::from(step));
            assert!(obstacles.is_free(at, 0.19), "{at:?}");
            let way = (at[0] - last[0]).hypot(at[1] - last[1]);
            assert!(way <= 0.1 * 1.5 * config.speed_m_per_s + 1e-9);
            moved += way;
            last = at;
        }
        assert!(moved > 5.0, "{moved}");
    }

    #[test]
    fn a_full_floor_has_no_room() {
        let plan = FloorPlan::room("r", [0.3, 0.3], Material::Brick);
        let mut rng = stream(1, Purpose::Simulation, 0, 0);
        let config = PeopleConfig::default();
        assert!(Walk::draw(&plan.obstacles(), plan.extent(), &config, 1.0, &mut rng).is_none());
    }
}
