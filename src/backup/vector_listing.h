#pragma once
// vector_listing.h — every vector of a namespace in id order; each listed id is fetched, or known to
// have vanished.
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "ports/listing.h"

namespace rehome {

class VectorListing {
 public:
  /// `store` and `clock` must outlive it.
  VectorListing(VectorStore& store, std::string ns, Clock& clock, const Call& call)
      : store_(store), ns_(std::move(ns)), clock_(clock), call_(call), listing_(store, ns_) {}

  /// Leaves out the ids up to and with `id`. Before the first page.
  void SkipThrough(std::string id) { skipped_ = std::move(id); }
  /// The records of the next page, in id order; empty at the end. kDataLoss if the listing cannot
  /// be complete.
  [[nodiscard]] Result<std::vector<VectorRecord>> Next();
  /// Ids only, likewise.
  [[nodiscard]] Result<std::vector<std::string>> NextIds();
  /// Ids that were listed and then were gone.
  [[nodiscard]] std::uint64_t vanished() const { return vanished_; }

 private:
  [[nodiscard]] Result<std::vector<VectorRecord>> FetchAll(const std::vector<std::string>& ids);

  VectorStore& store_;
  std::string ns_;
  Clock& clock_;
  Call call_;
  Listing listing_;
  std::string skipped_;
  std::uint64_t vanished_ = 0;
};

}  // namespace rehome
