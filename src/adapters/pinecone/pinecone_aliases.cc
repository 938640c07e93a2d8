#include "adapters/pinecone/pinecone_aliases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "adapters/pinecone/replies.h"
#include "adapters/pinecone/upsert_packer.h"

namespace rehome {
namespace {

constexpr std::string_view kPath = "/namespace-aliases";
/// Statuses by which a service says that it does not know the path: an older API, another index
/// kind, an emulator.
constexpr std::array kUnknownPath{400, 404, 405, 501};

std::string PathOf(std::string_view alias) {
  return fmt::format("{}/{}", kPath, UrlEncode(alias));
}

/// What the service refuses here is refused because of the namespace's or the alias's state.
Error Refused(Error error) {
  if (error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kNotFound ||
      error.code == ErrorCode::kAlreadyExists) {
    error.code = ErrorCode::kFailedPrecondition;
    error.hint =
        "the alias leads where it led; its target must be a ready namespace of the same index, and "
        "its name no namespace's own";
  }
  return error;
}

}  // namespace

Result<bool> PineconeAliases::Offered(const Call& call) {
  REHOME_TRY_ASSIGN(HttpResponse response, api_.Send("GET", kPath, {}, call));
  if (std::ranges::find(kUnknownPath, response.status) != kUnknownPath.end()) {
    return false;
  }
  REHOME_TRY(api_.Judge(std::move(response), "look for namespace aliases"));
  return true;
}

Result<std::optional<std::string>> PineconeAliases::Find(std::string_view alias, const Call& call) {
  REHOME_TRY_ASSIGN(HttpResponse response, api_.Send("GET", PathOf(alias), {}, call));
  if (response.status == 404 && IsNotFoundStatus(response.body)) {
    return std::nullopt;
  }
  REHOME_TRY_ASSIGN(response,
                    api_.Judge(std::move(response), fmt::format("look-up of the alias {}", alias)));
  REHOME_TRY_ASSIGN(std::string target, ReadAliasTarget(response.body));
  return target;
}

Status PineconeAliases::Point(std::string_view alias, std::string_view ns, const Call& call) {
  const std::string what = fmt::format("pointing the alias {} to {}", alias, ns);
  REHOME_TRY_ASSIGN(const auto before, Find(alias, call));
  auto response =
      before ? api_.Judge(api_.Send("PATCH", PathOf(alias),
                                    fmt::format(R"({{"target_namespace":{}}})", Quoted(ns)), call),
                          what)
             : api_.Post(
                   kPath,
                   fmt::format(R"({{"name":{},"target_namespace":{}}})", Quoted(alias), Quoted(ns)),
                   what, call);
  // A reply that was lost may have been a success: what the alias says decides.
  REHOME_TRY_ASSIGN(const auto after, Find(alias, call));
  if (after == ns) {
    return {};
  }
  if (!response) {
    return std::unexpected(Refused(std::move(response).error()));
  }
  return Fail(ErrorCode::kAborted,
              fmt::format("{}: it leads to {} right after", what, after.value_or("nothing")),
              "somebody else moves this alias too; run the same command again");
}

Status PineconeAliases::Remove(std::string_view alias, const Call& call) {
  const std::string what = fmt::format("removal of the alias {}", alias);
  REHOME_TRY_ASSIGN(HttpResponse response, api_.Send("DELETE", PathOf(alias), {}, call));
  if (response.status == 404 && IsNotFoundStatus(response.body)) {
    return {};
  }
  REHOME_TRY(api_.Judge(std::move(response), what));
  return {};
}

}  // namespace rehome
