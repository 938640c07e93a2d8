#pragma once
// random.h — the only chance. One root seed per run; the same seed gives the same choices.
#include <cstdint>
#include <string>

namespace rehome {

/// SplitMix64: small, splittable, good enough for jitter, sampling and simulation. Not for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  /// Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11U) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

/// `bytes` bytes from the operating system as lower-case hex: keys and run ids.
[[nodiscard]] std::string RandomHex(std::size_t bytes);

}  // namespace rehome
