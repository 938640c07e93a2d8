#pragma once
// verify_progress.h — what a verification leaves in the journal (`rehome_verify`): how far it came,
// so that the next one goes on if it is interrupted, and since when a suspect is one. Ranges that
// were found clean are left out only where both stores' feeds tell what was written since.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "checks/check.h"
#include "phases/session.h"

namespace rehome {

class VerifyProgress final : public CheckProgress {
 public:
  /// `store` is written to, in that one collection; it, `run` and `clock` outlive this.
  [[nodiscard]] static Result<std::unique_ptr<VerifyProgress>> Open(DocumentStore& store,
                                                                    const Plan& plan,
                                                                    const RunRecord& run,
                                                                    const Stores& stores,
                                                                    Clock& clock, const Call& call);
  [[nodiscard]] std::optional<Clean> Find(std::string_view part) const override;
  [[nodiscard]] Status Note(std::string_view part, Clean clean) override;
  [[nodiscard]] const std::vector<Value>& changed() const override { return changed_; }
  [[nodiscard]] WallTime FirstSeen(std::string_view id) override;
  /// The verification came to its end: only since when its suspects are known is kept.
  [[nodiscard]] Status Finish();

 private:
  VerifyProgress(DocumentStore& store, const RunRecord& run, Clock& clock, const Call& call)
      : store_(store), run_(run), clock_(clock), call_(call) {}
  [[nodiscard]] Status Load(const Plan& plan, const Stores& stores);
  [[nodiscard]] Status Save();

  DocumentStore& store_;
  const RunRecord& run_;
  Clock& clock_;
  Call call_;
  std::string source_position_;  // of the attempt that these parts are of; empty: no feed
  std::string target_position_;
  std::map<std::string, Clean, std::less<>> parts_;
  std::map<std::string, WallTime, std::less<>> seen_before_;
  std::map<std::string, WallTime, std::less<>> seen_;
  std::vector<Value> changed_;
  std::optional<SteadyTime> saved_at_;
};

}  // namespace rehome
