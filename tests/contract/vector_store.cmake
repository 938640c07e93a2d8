rehome_contract(vector_store SOURCES vector_store_pinecone.cc MODULES pinecone pinecone_local LIBRARIES fmt::fmt)
