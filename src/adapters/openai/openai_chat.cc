#include "adapters/openai/openai_chat.h"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "adapters/openai/endpoint.h"

namespace rehome {

using nlohmann::json;

namespace {

constexpr Millis kPatience{120'000};

}  // namespace

Result<std::unique_ptr<OpenAiChat>> OpenAiChat::Create(OpenAiOptions options,
                                                       std::shared_ptr<HttpClient> http) {
  if (options.model.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the chat endpoint needs a model",
                "set verify.proposals.model");
  }
  ApiClient api = OpenAiClient(options, std::move(http));
  return std::unique_ptr<OpenAiChat>(new OpenAiChat(std::move(options.model), std::move(api)));
}

Result<std::string> OpenAiChat::Complete(std::string_view instructions, std::string_view input,
                                         const Call& call) {
  const std::string what = fmt::format("chat completion by {}", model_);
  Call patient = call;  // it writes to no store, so it may outlive a lease
  patient.timeout = std::max(call.timeout, kPatience);
  const json body{{"model", model_},
                  {"messages", json::array({{{"role", "system"}, {"content", instructions}},
                                            {{"role", "user"}, {"content", input}}})}};
  REHOME_TRY_ASSIGN(
      const HttpResponse response,
      api_.Post("/chat/completions", body.dump(-1, ' ', false, json::error_handler_t::replace),
                what, patient));
  try {
    auto text = json::parse(response.body)
                    .at("choices")
                    .at(0)
                    .at("message")
                    .at("content")
                    .get<std::string>();
    if (text.empty()) {
      return BadAnswer(what, "the text is empty");
    }
    return text;
  } catch (const json::exception& e) {
    return BadAnswer(what, e.what());
  }
}

}  // namespace rehome
