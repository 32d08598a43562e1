"""Read Python source: find and parse files, bind names, resolve expressions."""
