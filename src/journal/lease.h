#pragma once
// lease.h — one runner per plan. The lease is one document in the target store; every change of it
// is a compare-and-set, so two runners can not both win.
//
// The holder writes a growing counter; nobody compares wall clocks. A runner that finds the lease
// held
//   - on this host, boot and pid namespace: asks the kernel. A dead holder is replaced at once, a
//   live one refused.
//   - elsewhere: watches the counter for one time to live by its own steady clock. Moved: refused.
//   Else: takes over.
// A take-over raises the epoch. The old holder notices at its next renewal, or because its own
// deadline passed without one; from then on Check() fails and it writes nothing more.
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "base/scheduler.h"
#include "ports/document_store.h"

namespace rehome {

inline constexpr Millis kLeaseTimeToLive{15'000};
inline constexpr Millis kLeaseRenewal{3'000};
inline constexpr Millis kReleasePatience{3'000};
/// No request of a runner may take longer, so that none is under way when the lease has run out.
inline constexpr Millis kRequestTimeout{10'000};
static_assert(kLeaseRenewal + kRequestTimeout < kLeaseTimeToLive);

class Lease {
 public:
  /// Takes the lease of `plan_name`. kLeaseHeld if another runner has it: the message says who.
  /// `store` and `clock` must outlive the lease.
  [[nodiscard]] static Result<std::unique_ptr<Lease>> Acquire(DocumentStore& store,
                                                              const std::string& plan_name,
                                                              const ProcessIdentity& self,
                                                              Clock& clock, const Call& call);
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  /// Releases if still held.
  ~Lease();

  /// The number of the holder; grows with every take-over.
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  /// Ok while a request that starts now ends before anybody else may take over. Where that is no
  /// longer sure, since the store was away or this process stood still, the lease is renewed first.
  /// `call`: of the request, for its stop and whether it may be repeated.
  [[nodiscard]] Status Check(const Call& call = {});
  /// Renews once; what KeepRenewing() does.
  [[nodiscard]] Status Renew(const Call& call);
  /// Renews in the background until destroyed: on a thread, or when the scheduler says that it is
  /// time.
  void KeepRenewing(Scheduler* scheduler = nullptr);
  /// Gives it back; asked once only, and a store that is away is waited for no longer than
  /// kReleasePatience and one request. Fails: it is taken over once its holder is seen to be dead.
  [[nodiscard]] Status Release();

  struct Holder {
    ProcessIdentity process;
    std::int64_t epoch = 0;
    bool released = false;
    [[nodiscard]] bool IsDeadHere() const {
      return !released && LivenessOf(process) == Liveness::kDead;
    }
  };
  /// Who has it or had it last; nothing if nobody ever had. Reads only.
  [[nodiscard]] static Result<std::optional<Holder>> Inspect(DocumentStore& store,
                                                             std::string_view plan_name,
                                                             const Call& call);

 private:
  Lease(DocumentStore& store, Clock& clock, Document held, std::int64_t epoch, SteadyTime sent);
  [[nodiscard]] bool IsInTime() const;              // under mutex_
  [[nodiscard]] Status RenewNow(const Call& call);  // under mutex_

  DocumentStore& store_;
  Clock& clock_;
  const std::int64_t epoch_;
  // Under a scheduler a renewal that waits to be repeated meets the next one on its own thread.
  std::recursive_mutex mutex_;
  Document held_;          // what we wrote last; guarded by mutex_
  SteadyTime renewed_;     // when the last successful renewal was sent; guarded by mutex_
  bool lost_ = false;      // guarded by mutex_
  bool renewing_ = false;  // guarded by mutex_
  bool released_ = false;  // guarded by mutex_
  std::jthread renewer_;
  std::shared_ptr<void> renewal_;  // instead of the thread, under a scheduler
};

}  // namespace rehome
