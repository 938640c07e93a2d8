#include "decorators/spend_capped.h"

namespace rehome {

Result<Embeddings> SpendCappedEmbedder::Embed(std::span<const std::string> texts, TextRole role,
                                              const Call& call) {
  const double per_token = DollarsPerToken();
  double estimate = 0;
  for (const std::string& text : texts) {
    estimate += static_cast<double>(CountTokens(text)) * per_token;
  }
  REHOME_TRY(meter_->Reserve(estimate));
  auto answer = inner().Embed(texts, role, call);
  if (answer) {
    // A provider that does not say what it bills is taken to bill what was estimated.
    meter_->Settle(estimate,
                   answer->tokens > 0 ? static_cast<double>(answer->tokens) * per_token : estimate);
  } else {
    // The answer was lost, or came and cannot be used.
    const bool perhaps_billed = answer.error().code == ErrorCode::kOutcomeUnknown ||
                                answer.error().code == ErrorCode::kDataLoss;
    meter_->Settle(estimate, perhaps_billed ? estimate : 0);
  }
  return answer;
}

}  // namespace rehome
