#include "journal/lease.h"

#include <fmt/format.h>

#include "journal/names.h"
#include "model/fields.h"

namespace rehome {
namespace {

Document ToDocument(std::string_view plan_name, const ProcessIdentity& self, std::int64_t epoch,
                    std::int64_t counter, bool released) {
  DocumentBuilder builder;
  builder.String("_id", plan_name)
      .Int64("epoch", epoch)
      .Int64("counter", counter)
      .Bool("released", released)
      .String("host", self.host)
      .String("boot_id", self.boot_id)
      .String("pid_namespace", self.pid_namespace)
      .Int64("pid", self.pid)
      .Int64("start_time", self.start_time);
  return builder.Finish();
}

ProcessIdentity HolderOf(DocumentView lease) {
  return {.host = StringField(lease, "host"),
          .boot_id = StringField(lease, "boot_id"),
          .pid_namespace = StringField(lease, "pid_namespace"),
          .pid = IntField(lease, "pid"),
          .start_time = IntField(lease, "start_time")};
}

Result<std::optional<Document>> Read(DocumentStore& store, std::string_view plan_name,
                                     const Call& call) {
  const Value id = Value::String(plan_name);
  REHOME_TRY_ASSIGN(auto found, store.FindByIds(journal::kLeases, {&id, 1}, call));
  return std::move(found.front());
}

std::unexpected<Error> Held(DocumentView lease, std::string_view why) {
  return Fail(ErrorCode::kLeaseHeld,
              fmt::format("another runner works on this plan: process {} on {} ({})",
                          IntField(lease, "pid"), StringField(lease, "host"), why),
              "`rehome status --watch` shows what it does; wait for it, or stop it there and run "
              "this again");
}

/// Whether the lease that stands there may be taken; waits one time to live where only the counter
/// can tell.
Status MayTakeOver(DocumentStore& store, std::string_view plan_name, const Document& lease,
                   Clock& clock, const Call& call) {
  if (BoolField(lease.view(), "released")) {
    return {};
  }
  switch (LivenessOf(HolderOf(lease.view()))) {
    case Liveness::kDead:
      // What it wrote last is on record before anybody judges whether it was written.
      return clock.SleepFor(store.WritesOutlive(), call.stop)
                 ? Status{}
                 : Fail(ErrorCode::kCancelled, "stopped while a dead runner's last write ends");
    case Liveness::kAlive:
      return Held(lease.view(), "it is alive");
    case Liveness::kUnknown:
      break;
  }
  if (!clock.SleepFor(kLeaseTimeToLive, call.stop)) {
    return Fail(ErrorCode::kCancelled, "stopped while waiting for another runner's lease");
  }
  REHOME_TRY_ASSIGN(auto later, Read(store, plan_name, call));
  if (later && *later != lease) {
    return Held(later->view(), "it renewed its lease within the last 15 s");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Lease>> Lease::Acquire(DocumentStore& store, const std::string& plan_name,
                                              const ProcessIdentity& self, Clock& clock,
                                              const Call& call) {
  REHOME_TRY_ASSIGN(auto current, Read(store, plan_name, call));
  std::int64_t epoch = 1;
  if (current) {
    REHOME_TRY(MayTakeOver(store, plan_name, *current, clock, call));
    epoch = IntField(current->view(), "epoch") + 1;
  }
  Document mine = ToDocument(plan_name, self, epoch, 0, false);
  const SteadyTime sent = clock.Steady();
  const Write write = current ? Write::Replace(*current, mine) : Write::Insert(mine);
  REHOME_TRY_ASSIGN(const auto results, store.Apply(journal::kLeases, {&write, 1}, {}, call));
  // A repeat after a lost reply finds what it wrote itself.
  if (!results.front().applied() && results.front().found != mine) {
    return Held(results.front().found.value_or(mine).view(), "it was faster");
  }
  return std::unique_ptr<Lease>(new Lease(store, clock, std::move(mine), epoch, sent));
}

Result<std::optional<Lease::Holder>> Lease::Inspect(DocumentStore& store,
                                                    std::string_view plan_name, const Call& call) {
  REHOME_TRY_ASSIGN(const auto lease, Read(store, plan_name, call));
  if (!lease) {
    return std::optional<Holder>();
  }
  return std::optional<Holder>({.process = HolderOf(lease->view()),
                                .epoch = IntField(lease->view(), "epoch"),
                                .released = BoolField(lease->view(), "released")});
}

Lease::Lease(DocumentStore& store, Clock& clock, Document held, std::int64_t epoch, SteadyTime sent)
    : store_(store), clock_(clock), epoch_(epoch), held_(std::move(held)), renewed_(sent) {}

Lease::~Lease() {
  static_cast<void>(Release());
}

bool Lease::IsInTime() const {
  return clock_.Steady() - renewed_ + kRequestTimeout < kLeaseTimeToLive;
}

Status Lease::Check(const Call& call) {
  const std::scoped_lock lock(mutex_);
  if (!lost_ && !released_ && !IsInTime()) {
    const Call renewal{.stop = call.stop, .timeout = kLeaseRenewal, .may_repeat = call.may_repeat};
    if (Status renewed = RenewNow(renewal); !renewed && !lost_) {
      return std::unexpected(std::move(renewed).error().In("renewing the lease"));
    }
  }
  if (lost_ || released_ || !IsInTime()) {
    return Fail(
        ErrorCode::kLeaseHeld,
        "this runner no longer holds the lease, so it stopped before its next write; nothing is "
        "lost",
        "another runner may have taken over: see `rehome status`; else run the same command again");
  }
  return {};
}

Status Lease::Renew(const Call& call) {
  const std::scoped_lock lock(mutex_);
  return lost_ || released_ ? Status{} : RenewNow(call);
}

Status Lease::RenewNow(const Call& call) {
  if (renewing_) {
    return {};
  }
  renewing_ = true;
  const SteadyTime sent = clock_.Steady();
  const DocumentView old = held_.view();
  Document next = ToDocument(StringField(old, "_id"), HolderOf(old), epoch_,
                             IntField(old, "counter") + 1, false);
  const Write write = Write::Replace(held_, next);
  const auto applied = store_.Apply(journal::kLeases, {&write, 1}, {}, call);
  renewing_ = false;
  if (!applied) {
    return std::unexpected(applied.error());
  }
  const WriteResult& result = applied->front();
  // A renewal whose reply was lost may have been written: then what stands there is ours all the
  // same.
  if (IsMade(write, result)) {
    held_ = std::move(next);
    renewed_ = sent;
    return {};
  }
  lost_ = true;
  return Fail(ErrorCode::kLeaseHeld, "another runner took the lease over");
}

void Lease::KeepRenewing(Scheduler* scheduler) {
  if (scheduler != nullptr) {
    renewal_ = scheduler->Every(kLeaseRenewal, [this] {
      static_cast<void>(Renew(Call{.stop = {}, .timeout = kLeaseRenewal}));
    });
    return;
  }
  renewer_ = std::jthread([this](const std::stop_token& stop) {
    while (clock_.SleepFor(kLeaseRenewal, stop)) {
      // A failed renewal is retried at the next turn; Check() refuses writes once the time runs
      // out.
      static_cast<void>(Renew(Call{.stop = stop, .timeout = kLeaseRenewal}));
    }
  });
}

Status Lease::Release() {
  renewer_ = {};
  renewal_.reset();
  const std::scoped_lock lock(mutex_);
  if (lost_ || released_) {
    return {};
  }
  released_ = true;
  const SteadyTime patient_until = clock_.Steady() + kReleasePatience;
  const Call call{.stop = {}, .timeout = kReleasePatience, .may_repeat = [&]() -> Status {
                    if (clock_.Steady() < patient_until) {
                      return {};
                    }
                    return Fail(ErrorCode::kUnavailable, "the store gave no answer in time");
                  }};
  const DocumentView old = held_.view();
  const Write write = Write::Replace(held_, ToDocument(StringField(old, "_id"), HolderOf(old),
                                                       epoch_, IntField(old, "counter") + 1, true));
  REHOME_TRY_ASSIGN(const auto results, store_.Apply(journal::kLeases, {&write, 1}, {}, call));
  return {};
}

}  // namespace rehome
