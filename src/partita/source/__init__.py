"""Read Python source: parse it, bind its names, and tell what an expression stands for."""
