#include "sim/weather.h"

#include <array>

namespace rehome::sim {
namespace {

constexpr std::array kCrashes{Fault::kDieBefore, Fault::kDieTorn, Fault::kDieAfter};
// A run of a small world makes some hundreds of calls.
constexpr std::uint64_t kCrashCallMax = 700;
constexpr std::uint64_t kStormCallsMax = 12;

bool Happens(Random& random, double chance) {
  return chance > 0 && random.Unit() < chance;
}

class Sky {
 public:
  Sky(const Climate& climate, Random& random, Timeline& timeline, Happenings happenings,
      Tally& tally)
      : climate_(climate),
        random_(random),
        timeline_(timeline),
        happenings_(std::move(happenings)),
        tally_(tally) {}

  Fault At(const CallSite& site) {
    if (climate_.latency_max > Millis{0}) {
      timeline_.Pass(Millis{static_cast<Millis::rep>(
          random_.Below(static_cast<std::uint64_t>(climate_.latency_max.count())))});
    }
    if (Happens(random_, climate_.writes)) {
      happenings_.application_writes();
    }
    if (Happens(random_, climate_.jumps)) {
      JumpClock();
    }
    // A request that is already checked against the lease is not held up for longer than its
    // deadline: only before a read may the process stand still for long.
    if (!site.writes && Happens(random_, climate_.standstills)) {
      happenings_.stands_still();
    }
    return Strikes(site);
  }

 private:
  void JumpClock() {
    constexpr Millis::rep kJumpMax = 7'200'000;
    const auto by = static_cast<Millis::rep>(random_.Below(2 * kJumpMax)) - kJumpMax;
    timeline_.JumpWall(Millis{by});
    ++tally_["clock jumps"];
  }

  Fault Strikes(const CallSite& site) {
    if (climate_.crash_at != 0 && site.number >= climate_.crash_at) {
      ++tally_[site.writes ? "crashes at a write" : "crashes at a read"];
      happenings_.dies();
      return climate_.crash;
    }
    if (storm_ > 0) {
      --storm_;
      ++tally_["refusals for load (429) or for a full disk"];
      return Fault::kThrottle;
    }
    if (Happens(random_, climate_.storms)) {
      storm_ = random_.Below(kStormCallsMax);
      ++tally_["storms of refusals"];
      return Fault::kThrottle;
    }
    return Happens(random_, climate_.faults) ? Fails(site) : Fault::kNone;
  }

  Fault Fails(const CallSite& site) {
    switch (site.writes ? random_.Below(3) : 0) {
      case 1:
        ++tally_["batches written in part"];
        return Fault::kTear;
      case 2:
        ++tally_["replies lost after the effect"];
        return Fault::kLoseReply;
      default:
        ++tally_[site.writes ? "writes that failed before the effect" : "reads that failed"];
        return Fault::kRefuse;
    }
  }

  const Climate climate_;
  Random& random_;
  Timeline& timeline_;
  const Happenings happenings_;
  Tally& tally_;
  std::uint64_t storm_ = 0;  // refusals still to come
};

}  // namespace

Climate Climate::Draw(Random& random) {
  constexpr std::array kChances{0.0, 0.0, 0.002, 0.01, 0.04};
  const auto chance = [&] { return kChances[random.Below(kChances.size())]; };
  Climate out;
  out.faults = chance();
  out.storms = chance() / 8;
  out.writes = chance();
  out.jumps = chance() / 4;
  out.standstills = chance() / 8;
  out.latency_max = Millis{static_cast<Millis::rep>(random.Below(3) * random.Below(20))};
  if (random.Below(3) != 0) {
    out.crash_at = 1 + random.Below(kCrashCallMax);
    out.crash = kCrashes[random.Below(kCrashes.size())];
  }
  return out;
}

std::shared_ptr<Faults> Weather(const Climate& climate, Random& random, Timeline& timeline,
                                const Happenings& happenings, Tally& tally) {
  const auto sky = std::make_shared<Sky>(climate, random, timeline, happenings, tally);
  return std::make_shared<Faults>(
      [sky](const CallSite& site) { return sky->At(site); },
      [&random](std::size_t asked) { return std::min<std::size_t>(asked, 1 + random.Below(20)); });
}

}  // namespace rehome::sim
