#pragma once
// service.h — from an HTTP request to its answer: key, index, route, size, handler, error shape.
#include <string>

#include "base/secret.h"
#include "pinecone_local/catalog.h"
#include "pinecone_local/http_message.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {

class Service {
 public:
  /// Data plane requests without a path prefix go to `default_index`. An empty key accepts any.
  Service(Catalog& catalog, std::string default_index, const Secret& api_key);
  [[nodiscard]] HttpResponse Handle(const HttpRequest& request) const;

 private:
  [[nodiscard]] bool IsAuthorized(const std::string& key) const;
  [[nodiscard]] HttpResponse Dispatch(const HttpRequest& request, Target target) const;
  [[nodiscard]] Result<HttpResponse> Call(const Route& route, const ApiRequest& request,
                                          std::string_view index) const;

  Catalog& catalog_;  // outlives this
  std::string default_index_;
  std::string key_digest_;  // empty: any key
};

}  // namespace rehome::pinecone_local
