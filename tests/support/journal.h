// What tests of the journal share: a call without a deadline, and processes that are not this one.
#pragma once

#include "journal/lease.h"
#include "ports/call.h"

namespace rehome::testing_support {

inline const Call kCall;

/// A process of this machine that has ended.
inline ProcessIdentity DeadHere() {
  constexpr std::int64_t kNoSuchPid = 1'000'000'000;
  ProcessIdentity out = ThisProcess();
  out.pid = kNoSuchPid;
  return out;
}

/// A process of another machine, of which nobody here can tell whether it lives.
inline ProcessIdentity Elsewhere() {
  ProcessIdentity out = ThisProcess();
  out.host += "-other";
  return out;
}

}  // namespace rehome::testing_support
