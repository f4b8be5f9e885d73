"""A market environment: play one episode, many at once, and read an episode like a backtest."""

import gymnasium
import numpy as np

import envs
from backtester import Bars, Costs

bars = Bars.sample("sp500")
settings = {
    "bars": bars,
    "features": ["log_return(1)", "log_return(20)", "realised_volatility(20)"],
    "window": 1,
    "exposures": (0.0, 1.0),
    "costs": Costs(commission=0.0005),
}


def follow(observations):
    """Return 1, all in, where the return over 20 bars is above its mean on the training range; else 0, flat."""
    return (observations[..., 1] > 0.0).astype(np.int64)


# The scaler learns from the years to 2010 alone, and goes into the environment that judges.
train = gymnasium.make_vec(
    "backtester/Trading-v0",
    num_envs=500,
    vectorization_mode="vector_entry_point",
    end="2010",
    episode_length=250,
    **settings,
)
observations, _ = train.reset(seed=1)
total = np.zeros(500)
for _ in range(250):
    observations, rewards, *_ = train.step(follow(observations))
    total += rewards
print(f"500 random years to 2010: median {np.expm1(np.median(total)):+.1%}, worst {np.expm1(total.min()):+.1%}")

test = gymnasium.make(
    "backtester/Trading-v0",
    start="2011",
    scaler=train.unwrapped.core.observer.scaler,
    record=True,
    **settings,
)
observation, info = test.reset(seed=1)
truncated = False
while not truncated:
    observation, _, _, truncated, info = test.step(follow(observation))
result = test.unwrapped.result()
print(
    f"2011 to 2018: equity {info['equity']:,.2f}, {len(result.orders)} orders, costs {result.metrics.total_costs:,.2f}"
)
fill = result.fills.iloc[1]
print(f"its first sale: {-fill.quantity:.2f} at {fill.price:,.2f}, commission {fill.commission:.2f}")

for_sb3 = envs.sb3_vec_env("backtester/Trading-v0", 64, seed=0, end="2010", episode_length=250, **settings)
print(type(for_sb3).__name__, for_sb3.reset().shape)  # PPO("MlpPolicy", for_sb3).learn(100_000) trains in it

# Output:
# 500 random years to 2010: median -0.8%, worst -26.3%
# 2011 to 2018: equity 109,844.53, 204 orders, costs 10,620.76
# its first sale: 78.52 at 1,311.05, commission 51.47
# SB3VecEnv (64, 5)
