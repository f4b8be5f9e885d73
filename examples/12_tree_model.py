"""Trees: boosting learns which barrier is touched first, and trades where it is sure enough."""

from backtester import Bars, Costs, run
from backtester.signals import Features, WalkForward, predict_out_of_sample, triple_barrier
from strategies.model import ModelStrategy
from strategies.models import GradientBoostingClassifier
from strategies.rules import Threshold, VolatilityScaled
from strategies.scorecard import scorecard

bars = Bars.sample("sp500")["2004":]
features = Features(
    ["log_return(1)", "log_return(5)", "log_return(20)", "zscore(20)", "realised_volatility(20)", "rsi(7)"]
)
label = triple_barrier(bars, up=1.0, down=1.0, horizon=10)  # barriers one deviation of ten bars away, by high and low
scheme = WalkForward(train=756, test=252)

# Labels overlap: a sample weighs what is unique in it. The library is named, so that the output does not hang on it.
model = GradientBoostingClassifier(n_estimators=60, library="scikit-learn")
signal = predict_out_of_sample(model, features, label, bars, scheme, weights="uniqueness", workers=1)
measures = signal.metrics().overall
print(f"{len(signal.folds)} folds, classes {', '.join(f'{one:g}' for one in signal.classes)}")
print(f"out of sample: AUC {measures.roc_auc:.3f}, accuracy {measures.accuracy:.1%}, Brier {measures.brier:.3f}")

costs = Costs(commission=0.0005)
rule = VolatilityScaled(target=0.10, window=20, cap=1.0, rule=Threshold(enter=0.2, leave=0.0))
result = run(ModelStrategy(signal=signal, rule=rule, band=0.2, history=bars), bars["2007-02":], costs=costs)
print(f"{result.metrics.n_trades:.0f} trades, volatility per year {result.metrics.annual_volatility:.1%}")

card = scorecard(signal, bars, rule=rule, costs=costs, band=0.2, history=bars)
for (name, variant), sharpe in card.table.sharpe.dropna().items():
    if name == signal.name or variant == "net":
        print(f"  Sharpe {sharpe:+.2f}  {name}, {variant}")

# Output:
# 12 folds, classes -1, 1
# out of sample: AUC 0.479, accuracy 55.5%, Brier 0.253
# 194 trades, volatility per year 8.5%
#   Sharpe +0.11  GradientBoostingClassifier, no costs
#   Sharpe +0.02  GradientBoostingClassifier, net
#   Sharpe -0.07  GradientBoostingClassifier, twice the costs
#   Sharpe -0.11  GradientBoostingClassifier, one bar later
#   Sharpe +0.46  naive, net
#   Sharpe +0.46  ar1, net
#   Sharpe +0.33  buy and hold, net
