#pragma once
// scripted_mongodb.h — a MongoDB server whose answers a test writes, in the place of libmongoc.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/mongodb/server.h"
#include "model/extended_json.h"
#include "tests/support/json.h"

namespace rehome::mongodb {

using testing_support::Json;

/// What was asked and what is answered. `answer` gets each command with the driver's options; what
/// a client asks when it meets a server is answered for it.
struct Script {
  Document hello = Json(
      R"({"ok":1,"isWritablePrimary":true,"setName":"rs0","hosts":["h:1"],
          "logicalSessionTimeoutMinutes":30,"maxWireVersion":21})");
  std::function<Answer<Document>(const Document& command, const Document& options)> answer;
  std::vector<std::string> commands;  // in relaxed Extended JSON
  std::vector<std::string> options;
  std::vector<std::string> transactions;  // "begin", "commit"
  std::optional<Failure> commit_fails;
  int patient_connections = 0;

  /// How many commands began with `name`.
  [[nodiscard]] int Count(std::string_view name) const {
    return static_cast<int>(std::ranges::count_if(commands, [&](const std::string& command) {
      return command.starts_with(fmt::format("{{\"{}\":", name));
    }));
  }
};

class ScriptedConnection final : public Connection {
 public:
  explicit ScriptedConnection(Script& script) : script_(script) {}
  [[nodiscard]] Answer<Document> Run(std::string_view /*database*/, const Document& command,
                                     Traffic /*traffic*/, const Document& options) override {
    const std::string name((*command.view().begin()).key);
    if (name == "hello") {
      return script_.hello;
    }
    if (name == "buildInfo") {
      return Json(R"({"ok":1,"version":"7.0.0"})");
    }
    script_.commands.push_back(ToExtendedJson(command.view(), JsonMode::kRelaxed));
    script_.options.push_back(ToExtendedJson(options.view(), JsonMode::kRelaxed));
    return script_.answer(command, options);
  }
  [[nodiscard]] Answer<Document> Insert(std::string_view /*database*/, std::string_view collection,
                                        std::span<const Document* const> /*documents*/,
                                        bool /*bypass*/, const Document& options) override {
    return Run("", DocumentBuilder().String("insert", collection).Finish(), Traffic::kWrite,
               options);
  }
  [[nodiscard]] std::optional<Failure> Pin() override { return std::nullopt; }
  [[nodiscard]] std::optional<Failure> Begin() override {
    script_.transactions.emplace_back("begin");
    return std::nullopt;
  }
  [[nodiscard]] Answer<Document> Commit() override {
    script_.transactions.emplace_back("commit");
    return script_.commit_fails ? Answer<Document>(std::unexpected(*script_.commit_fails))
                                : Document();
  }

 private:
  Script& script_;
};

class ScriptedPool final : public Pool {
 public:
  explicit ScriptedPool(Script& script) : script_(script) {}
  [[nodiscard]] const Address& address() const override { return address_; }
  [[nodiscard]] std::unique_ptr<Connection> Pop(Patience patience) override {
    script_.patient_connections += patience == Patience::kStream ? 1 : 0;
    return std::make_unique<ScriptedConnection>(script_);
  }

 private:
  Script& script_;
  const Address address_ = ParseAddress("mongodb://h:1/app").value();
};

inline std::shared_ptr<Server> ScriptedServer(Script& script) {
  return std::make_shared<Server>(std::make_unique<ScriptedPool>(script));
}

inline Failure ServerSays(std::int32_t code, std::string message) {
  return {.origin = Failure::Origin::kServer,
          .code = code,
          .message = std::move(message),
          .labels = {}};
}

inline Failure NothingCame() {
  return {.origin = Failure::Origin::kNetwork,
          .code = 4,
          .message = "socket error or timeout",
          .labels = {}};
}

/// A cursor's answer.
inline Document Found(std::string_view documents, std::int64_t cursor = 0) {
  return Json(fmt::format(
      R"({{"ok":1,"cursor":{{"id":{{"$numberLong":"{}"}},"ns":"app.jobs","firstBatch":{}}}}})",
      cursor, documents));
}

}  // namespace rehome::mongodb
