// pinecone_service.cc — whole requests to the embedded server, one a line: METHOD TARGET BODY. Every
// answer is one that the API knows and JSON; none is "internal error"; and what the server says of
// itself after the last one it says again when it has been opened anew from its files.
#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "pinecone_local/catalog.h"
#include "pinecone_local/gate.h"
#include "pinecone_local/service.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/scratch_directory.h"

namespace {

using namespace rehome;                  // NOLINT(google-build-using-namespace): one function's
using namespace rehome::pinecone_local;  // NOLINT(google-build-using-namespace): worth of names

constexpr std::size_t kRequestsMax = 20;

Result<EmbeddedTexts> Embed(std::span<const std::string> texts, int dimension) {
  EmbeddedTexts out;
  for (const std::string& text : texts) {
    out.vectors.emplace_back(static_cast<std::size_t>(dimension),
                             1.0F + static_cast<float>(text.size()));
  }
  return out;
}

Method MethodOf(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, Method>, 4> kMethods{
      {{"GET", Method::kGet},
       {"POST", Method::kPost},
       {"PATCH", Method::kPatch},
       {"DELETE", Method::kDelete}}};
  const auto* found =
      std::ranges::find(kMethods, word, &std::pair<std::string_view, Method>::first);
  return found == kMethods.end() ? Method::kOther : found->second;
}

std::string_view TakeWord(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

/// The server over the files of `dir`, until it goes.
class Server {
 public:
  explicit Server(const std::filesystem::path& dir)
      : catalog_(Catalog::Open(dir, LogFile::Mode::kReadWrite).value()),
        gate_(clock_),
        service_(*catalog_, gate_,
                 {.default_index = "demo", .facilities = {.clock = &clock_, .embed = Embed}}) {
    if (!catalog_->Find("demo")) {
      CHECK(catalog_->Create({.name = "demo", .metric = Metric::kDotproduct}).has_value());
    }
  }

  HttpResponse Send(std::string_view line) const {
    HttpRequest request{.host = "127.0.0.1:5080", .api_version = "2026-07"};
    request.method = MethodOf(TakeWord(line));
    request.target = TakeWord(line);
    request.body = line;
    HttpResponse response = service_.Handle(request);
    CHECK(response.status >= 200 && response.status != 500 && response.status <= 501);
    CHECK(response.body.empty() || response.content_type != "application/json" ||
          nlohmann::json::accept(response.body));
    return response;
  }

  /// All that can be asked without knowing what was done.
  [[nodiscard]] std::string State() const {
    std::string state = Send("GET /indexes").body;
    for (const auto& index : catalog_->All()) {
      const std::string base = "/_i/" + index->config().name;
      for (const std::string_view what :
           {"/describe_index_stats", "/namespaces", "/vectors/list", "/namespace-aliases"}) {
        state += Send("GET " + base + std::string(what)).body + "\n";
      }
    }
    return state;
  }

 private:
  ManualClock clock_;
  std::unique_ptr<Catalog> catalog_;
  Gate gate_;
  Service service_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ScratchDirectory directory;
  std::string_view lines = fuzz::Text(data, size);
  std::string state;
  {
    const Server server(directory.path());
    for (std::size_t i = 0; i < kRequestsMax && !lines.empty(); ++i) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(std::min(line.size() + 1, lines.size()));
      static_cast<void>(server.Send(line));
    }
    state = server.State();
  }
  CHECK(Server(directory.path()).State() == state);
  return 0;
}
