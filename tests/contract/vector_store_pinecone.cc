// The Pinecone adapter over pinecone-local, as the engine uses them together.
#include <cstdlib>
#include <filesystem>

#include "adapters/pinecone/pinecone_vector_store.h"
#include "pinecone_local/server.h"
#include "tests/contract/vector_store_contract.h"
#include "tests/support/scratch_directory.h"

namespace rehome::contract {
namespace {

/// A server over a directory of its own; both end with the last owner.
class LocalServer {
 public:
  LocalServer() {
    auto server = PineconeLocal::Start({.dir = scratch_.path() / "index",
                                        .index_name = "contract",
                                        .dimension = 4,
                                        .metric = "cosine",
                                        .api_key = Secret("key")});
    EXPECT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  [[nodiscard]] std::string url() const { return server_->url(); }

 private:
  const ScratchDirectory scratch_;
  std::unique_ptr<PineconeLocal> server_;
};

VectorStoreUnderTest MakePinecone() {
  auto server = std::make_shared<LocalServer>();
  auto store = PineconeVectorStore::Open(
      {.address = server->url(), .api_key = Secret("key"), .identity = {}},
      std::make_shared<HttpClient>(), {});
  EXPECT_TRUE(store);
  return {.world = server, .store = *std::move(store)};
}

INSTANTIATE_TEST_SUITE_P(Pinecone, VectorStoreContract,
                         testing::Values(VectorStoreFactory{"pinecone", MakePinecone}),
                         [](const auto& suite) { return suite.param.name; });

}  // namespace
}  // namespace rehome::contract
