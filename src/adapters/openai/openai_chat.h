#pragma once
// openai_chat.h — the chat port over POST {base}/chat/completions.
#include <memory>

#include "adapters/http/api_client.h"
#include "adapters/openai/openai_options.h"
#include "ports/chat.h"

namespace rehome {

class OpenAiChat final : public Chat {
 public:
  /// kInvalidArgument without a model.
  [[nodiscard]] static Result<std::unique_ptr<OpenAiChat>> Create(OpenAiOptions options,
                                                                  std::shared_ptr<HttpClient> http);
  /// kUnavailable if the answer holds no text.
  [[nodiscard]] Result<std::string> Complete(std::string_view instructions, std::string_view input,
                                             const Call& call) override;

 private:
  OpenAiChat(std::string model, ApiClient api) : model_(std::move(model)), api_(std::move(api)) {}
  const std::string model_;
  const ApiClient api_;
};

}  // namespace rehome
