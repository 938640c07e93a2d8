#pragma once
// forecast_time.h — how long the phases will take: a simple model over what was measured while the
// forecast was made. Private to the forecast and preflight.
//
//   0 prepare   documents: written, verified, restored and compared, four passes at the measured
//               scan rate; vectors: likewise at the measured fetch rate
//   1 tenants   a dozen round trips
//   2 items     the measured scan and mapping once more, twice that again for writing, and four
//               round trips a batch
//   3 vectors   embedding at the measured rate, or an assumed one where a measurement would cost
//               money; six round trips a batch; no faster than the plan's limits allow
//   4 cutover   verification: both sides read and the mapping computed again, then the write pause
//   write pause fence, drain, a delta verification, pointers: round trips, whatever the size
#include "phases/forecast.h"

namespace rehome {

/// Seconds per unit, as measured on the plan's own stores.
struct Pace {
  double scan_and_map = 0;  // the whole source
  double per_byte = 0;      // of source document read
  double per_vector_read = 0;
  double per_embedding = 0;
  double round_trip = 0;
};
[[nodiscard]] Result<Pace> MeasurePace(const Plan& plan, const Deps& deps);

/// Fills seconds, counts and the write pause of a forecast whose scan is made.
[[nodiscard]] Status PredictTimes(const Plan& plan, const Deps& deps, const Pace& pace,
                                  Forecast& forecast);

/// Of phases 2 and 3, without a measurement: what the plan's limits and a remote embedder's assumed
/// rate leave for `documents`.
[[nodiscard]] double LeastSeconds(const Plan& plan, std::uint64_t documents);

}  // namespace rehome
